"""Garbage collection: what becomes of an object whose owners are gone."""

from enum import Enum, auto

from models.kinds import kind_of
from reconciler.memory.store import Store
from reconciler.wire.protocol import Body


class Fate(Enum):
    """What becomes of an object."""

    STAYS = auto()
    LOSES_OWNERS = auto()  # some are gone: the references to them are removed
    GOES = auto()  # all are gone


def fate(store: Store, body: Body) -> tuple[Fate, list[Body]]:
    """What becomes of an object, and the references to owners that are there.

    An owner of a kind that the store cannot hold counts as being there.
    """
    references = body["metadata"].get("ownerReferences", [])
    if not references or "deletionTimestamp" in body["metadata"]:
        return Fate.STAYS, references
    present = [reference for reference in references if _is_present(store, reference, body["metadata"]["namespace"])]
    if not present:
        return Fate.GOES, present
    return Fate.STAYS if len(present) == len(references) else Fate.LOSES_OWNERS, present


def _is_present(store: Store, reference: Body, namespace: str) -> bool:
    kind = kind_of(reference["apiVersion"], reference["kind"])
    if kind is None:
        return True
    key = store.place(reference["uid"])
    return key is not None and (key.kind, key.namespace, key.name) == (kind, namespace, reference["name"])
