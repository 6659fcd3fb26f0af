"""What a document is, before one looks at its fields: a manifest, a list of them, or something else."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from models.kinds import CUSTOM_KINDS, GROUP
from reconciler.manifests.files import KUSTOMIZATIONS
from reconciler.wire.wording import did_you_mean, shown

HEADERS = ("apiVersion", "kind")
LIST = "List"

_KUSTOMIZE = "kustomize.config.k8s.io"
_BUILD = "is a kustomization and no manifest; build it first, as in kubectl kustomize FOLDER > built.yaml"


def opened(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """The object, or those of a List and of the Lists in it, each with its place.

    Args:
        value: What a document holds.
        place: Which document it is.
    """
    if not _is_list(value) or not isinstance(value.get("items") or [], list):
        yield place, value
        return
    for number, item in enumerate(value.get("items") or [], start=1):
        yield from opened(item, f"{place}, item {number}")


def wrong_header(value: Any, place: str) -> str:
    """What keeps a value from being a manifest; empty if it is one.

    Args:
        value: What a document or an item of a List holds.
        place: Where it stands.
    """
    if not isinstance(value, dict):
        return f"is {shown(value)}; it must be a manifest, with apiVersion, kind and metadata"
    if _is_kustomization(value, place):
        return _BUILD
    for header in HEADERS:
        given = value.get(header)
        if given is None:
            return _missing(header, value)
        if not isinstance(given, str) or not given:
            return f"{header} is {shown(given)}; it must be text"
    return f"items is {shown(value['items'])}; it must be a list" if _is_list(value) else ""


def named(name: Any) -> str:
    """A name or namespace as it is shown; `?` for what cannot be one."""
    return name if isinstance(name, str) and name else str(name) if isinstance(name, int) else "?"


def printable(words: str) -> str:
    """Words without what would move a terminal's cursor or change its colours."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in words)


def _is_list(value: Any) -> bool:
    """Whether it is a List, of objects of any kind or of one of ours."""
    if not isinstance(value, dict):
        return False
    kind = value.get("kind")
    ours = [f"{each.name}{LIST}" for each in CUSTOM_KINDS]
    return kind == LIST or kind in ours or (isinstance(kind, str) and kind.endswith(LIST) and "items" in value)


def _is_kustomization(value: Mapping[str, Any], place: str) -> bool:
    file, _, _ = place.partition(", document ")
    if value.get("kind") is None and PurePath(file).name in KUSTOMIZATIONS:
        return True
    return str(value.get("apiVersion")).startswith(f"{_KUSTOMIZE}/")


def _missing(header: str, value: Mapping[str, Any]) -> str:
    """What to say if a header is missing: it may be misspelt, or the whole be something else."""
    for name in value:
        if name not in HEADERS and (name.lower() == header.lower() or did_you_mean(name, [header])):
            return f"{header} is missing; correct {name}, which is misspelt"
    if not any(value.get(each) for each in (*HEADERS, "metadata")):
        return f"is no manifest: {', '.join(HEADERS)} and metadata are missing; add them, or leave it out"
    ours = {kind.name: kind.api_version for kind in CUSTOM_KINDS}
    if header == "apiVersion" and value.get("kind") in ours:
        return f"apiVersion is missing; add it: {ours[value['kind']]}"
    if header == "kind" and value["apiVersion"].partition("/")[0] == GROUP:
        return f"kind is missing; add it: one of {', '.join(ours)}"
    return f"{header} is missing; add it"
