"""What is wrong with one object: what the API server, or the reconciler after it, would refuse for ever."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from models.kinds import CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, GROUP, Kind
from reconciler.manifests.templates import impossible
from reconciler.memory.metadata import DNS_LABEL
from reconciler.rules.names import cluster_name_error
from reconciler.wire.parse import MODELS
from reconciler.wire.wording import did_you_mean, shown, wrongs

LABEL = "it must consist of lower-case letters, digits and '-', and begin and end with a letter or a digit"


def wrong_kind(api_version: str, name: str) -> str:
    """What is wrong with a kind that the reconciler does not know; empty if it is simply another's."""
    ours = {kind.name: kind for kind in CUSTOM_KINDS}
    folded = {each.lower(): each for each in ours}
    if name not in ours and name.lower() in folded:
        return f"kind is {shown(name)}; it must be {folded[name.lower()]}"
    if name in ours:
        return f"apiVersion is {shown(api_version)}; for a {name} it must be {ours[name].api_version}"
    if api_version.partition("/")[0] == GROUP:
        what = f"with apiVersion {shown(api_version)} it must be one of {', '.join(ours)}"
        return f"kind is {shown(name)}{did_you_mean(name, ours)}; {what}"
    return ""


def wrong_values(kind: Kind, body: Mapping[str, Any]) -> Iterator[str]:
    """Every wrong value in an object of a known kind, but in its status, which a write does not touch.

    Args:
        kind: Its kind.
        body: The object; its metadata is a mapping with a namespace.
    """
    metadata = body["metadata"]
    if not DNS_LABEL(metadata["namespace"]):
        yield f"metadata.namespace is {shown(metadata['namespace'])}; {LABEL}"
    yield from impossible(kind, body)
    written = {name: value for name, value in body.items() if name != "status"}
    try:
        MODELS[kind].model_validate(written)
    except ValidationError as error:
        yield from map(str, wrongs(error, written))
    name = metadata.get("name")
    if kind in (DASK_CLUSTER, DASK_JOB) and isinstance(name, str) and (words := cluster_name_error(name)):
        yield f"metadata.name: {words}"
