"""Manifests from texts, and all that is wrong with them.

Each problem names the file, the document, the object, the field and the remedy. A wrong manifest does not hide the
others.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from pydantic import ValidationError

from models.kinds import CHILD_KINDS, CUSTOM_KINDS, DASK_CLUSTER, DASK_JOB, GROUP, Key, Kind, kind_of
from reconciler.manifests.documents import documents
from reconciler.manifests.files import Text, texts
from reconciler.manifests.headers import named, opened, printable, wrong_header
from reconciler.manifests.templates import impossible
from reconciler.manifests.unknown_fields import unknown_fields
from reconciler.memory.metadata import DNS_LABEL
from reconciler.rules.names import cluster_name_error
from reconciler.wire.parse import MODELS, RESOURCES
from reconciler.wire.wording import did_you_mean, shown, wrongs

LABEL = "it must consist of lower-case letters, digits and '-', and begin and end with a letter or a digit"


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object that may be loaded.

    Args:
        key: Which it is.
        body: The object, with its namespace.
        place: Where it was read, such as `cluster.yaml, document 2`.
    """

    key: Key
    body: dict[str, Any]
    place: str


@dataclass(frozen=True, slots=True)
class Other:
    """An object that means nothing to the reconciler.

    Args:
        body: The object, with its namespace; of its fields, apiVersion and kind are text.
        namespace: Its namespace.
        place: Where it was read.
    """

    body: dict[str, Any]
    namespace: str
    place: str

    def __str__(self) -> str:
        return printable(f"{self.body['kind']} {self.namespace}/{named(self.body['metadata'].get('name'))}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, as a sentence after the place where it stands."""

    place: str
    words: str

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.words}")


@dataclass(slots=True)
class Reading:
    """What was read.

    Args:
        manifests: The good ones.
        problems: What is wrong with the others.
        others: Objects of other kinds.
    """

    manifests: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)

    @property
    def ignored(self) -> list[str]:
        """The objects that mean nothing to the reconciler, such as `ConfigMap default/x`."""
        return [str(other) for other in self.others]


def read(paths: Iterable[str], namespace: str, standard_input: TextIO | None) -> Reading:
    """Read manifests.

    Args:
        paths: Files, folders with everything below them, and `-` for standard input.
        namespace: The namespace of manifests that name none.
        standard_input: What `-` stands for.
    """
    return Reader(namespace).read(texts(paths, standard_input))


class Reader:
    """Reads texts again and again; of those that it read the last time it knows what is in them.

    Args:
        namespace: The namespace of manifests that name none.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._known: dict[Text, Reading] = {}

    def read(self, found: Iterable[Text]) -> Reading:
        """All that is in the texts.

        Args:
            found: The texts, and what could not be read.
        """
        known, self._known = self._known, {}
        whole = Reading()
        for text in found:
            part = self._known[text] = known.get(text) or _read(text, self._namespace)
            whole.manifests += part.manifests
            whole.problems += part.problems
            whole.others += part.others
        return _without_duplicates(whole)


def _read(text: Text, namespace: str) -> Reading:
    """What is in one text."""
    reading = Reading()
    if text.error:
        reading.problems.append(Problem(text.place, text.error))
    for document in documents(text.content):
        place = f"{text.place}, document {document.number}"
        if document.error:
            reading.problems.append(Problem(place, f"{document.error}."))
            continue
        for where, value in opened(document.value, place):
            _take(value, where, namespace, reading)
    return reading


def _take(value: Any, place: str, namespace: str, reading: Reading) -> None:
    """Sort one object into what was read."""
    if words := wrong_header(value, place):
        reading.problems.append(Problem(place, f"{words}."))
        return
    api_version, name = value["apiVersion"], value["kind"]
    given = value.get("metadata")
    metadata = given if isinstance(given, dict) else {}
    where = metadata.get("namespace") or namespace
    subject = f"{name} {named(where)}/{named(metadata.get('name'))}"
    wrong = []
    kind = kind_of(api_version, name)
    if not isinstance(where, str):
        wrong = [f"metadata.namespace is {shown(where)}; it must be text; put it in quotes"]
    elif kind in (*CUSTOM_KINDS, *CHILD_KINDS):
        body = {**value, "metadata": {**metadata, "namespace": where}}
        wrong = list(_wrong_fields(kind, value, body))
        if not wrong:
            reading.manifests.append(Manifest(Key(kind, where, metadata["name"]), body, place))
    elif words := _wrong_kind(api_version, name):
        wrong = [words]
    else:
        reading.others.append(Other({**value, "metadata": {**metadata, "namespace": where}}, where, place))
    reading.problems += [Problem(place, f"{subject}: {each}.") for each in wrong]


def _wrong_kind(api_version: str, name: str) -> str:
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


def _wrong_fields(kind: Kind, given: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:
    """Everything wrong with an object of a known kind."""
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict):
        yield f"metadata is {shown(metadata)}; it must be a mapping with a name"
        return
    if metadata.get("generateName") and not metadata.get("name"):
        yield "metadata.name is missing; add it: a name that the server makes from generateName cannot be foreseen"
        return
    if not DNS_LABEL(body["metadata"]["namespace"]):
        yield f"metadata.namespace is {shown(body['metadata']['namespace'])}; {LABEL}"
    if kind in RESOURCES:
        yield from unknown_fields(RESOURCES[kind], given)
    yield from impossible(kind, given)
    try:
        MODELS[kind].model_validate(body)
    except ValidationError as error:
        yield from map(str, wrongs(error, body))
    name = metadata.get("name")
    if kind in (DASK_CLUSTER, DASK_JOB) and isinstance(name, str) and (words := cluster_name_error(name)):
        yield f"metadata.name: {words}"


def _without_duplicates(reading: Reading) -> Reading:
    first: dict[Key, Manifest] = {}
    for manifest in reading.manifests:
        if manifest.key in first:
            words = f"{manifest.key}: is there twice, first in {first[manifest.key].place}; remove one."
            reading.problems.append(Problem(manifest.place, words))
        else:
            first[manifest.key] = manifest
    return Reading(list(first.values()), reading.problems, reading.others)
