"""Objects whose owner is not among the manifests: Kubernetes takes them, and deletes them a moment later."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.kinds import CUSTOM_KINDS, Key, kind_of
from reconciler.manifests.reading import Manifest

MOST_NAMED = 5
"""How many of the objects that are left out are named; of the others, how many there are."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Objects that are left out since their owner is not there.

    Args:
        owner: The owner.
        keys: The objects.
        is_remade: Whether the owner is among the manifests, and makes them anew.
    """

    owner: Key
    keys: Sequence[Key]
    is_remade: bool

    def __str__(self) -> str:
        objects = ", ".join(map(str, self.keys[:MOST_NAMED]))
        more = f" and {len(self.keys) - MOST_NAMED} more" if len(self.keys) > MOST_NAMED else ""
        if self.is_remade:
            return f"Left out, since {self.owner} makes its own here: {objects}{more}."
        return (
            f"Left out, since the owner {self.owner} is not among the manifests, and Kubernetes deletes what has lost "
            f"its owner: {objects}{more}; add the owner with its uid, or remove metadata.ownerReferences."
        )


def owned(manifests: Iterable[Manifest], *, keeps_uids: bool) -> tuple[list[Manifest], list[LeftOut]]:
    """The manifests whose owners are there or cannot be seen from here, and what is to be said of the others.

    Args:
        manifests: The manifests.
        keeps_uids: Whether objects that were read from a Kubernetes keep their uids, by which owners are found.
    """
    kept, lost = list(manifests), dict[Key, Key]()
    names = {manifest.key for manifest in kept}
    while True:
        uids = {manifest.uid for manifest in kept if keeps_uids and manifest.uid}
        gone = {each.key: owner for each in kept if (owner := _absent_owner(each, uids)) is not None}
        if not gone:
            break
        lost |= gone
        kept = [manifest for manifest in kept if manifest.key not in gone]
    left = {owner: [key for key, its in lost.items() if its == owner] for owner in lost.values()}
    words = [LeftOut(owner, keys, not keeps_uids and owner in names) for owner, keys in left.items()]
    return [_without_absent(manifest, uids) for manifest in kept], words


def _absent_owner(manifest: Manifest, uids: Iterable[str]) -> Key | None:
    """The owner that an object must have and has not; `None` if one is there or may be: of others' kinds."""
    missing = None
    for reference in _references(manifest):
        kind = kind_of(reference["apiVersion"], reference["kind"])
        if reference["uid"] in uids or kind not in CUSTOM_KINDS:
            return None
        missing = missing or Key(kind, manifest.key.namespace, reference["name"])
    return missing


def _without_absent(manifest: Manifest, uids: Iterable[str]) -> Manifest:
    """A new object without its owners of other kinds, which must count as being there."""
    if manifest.uid or not any(_references(manifest)):
        return manifest
    present = [reference for reference in _references(manifest) if reference["uid"] in uids]
    metadata = {**manifest.body["metadata"], "ownerReferences": present}
    return replace(manifest, body={**manifest.body, "metadata": metadata})


def _references(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    yield from manifest.body["metadata"].get("ownerReferences") or ()
