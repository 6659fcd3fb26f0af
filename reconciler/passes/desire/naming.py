"""Which naming set is recorded of a resource that has none recorded: what its children show, or the setting."""

from collections.abc import Mapping

from models.resources import DaskCluster, DaskJob
from models.snapshot import Owner, Snapshot
from reconciler.passes.values import Record
from reconciler.rules.labels import NAMING
from reconciler.rules.names import Naming


def naming_shown_by_children(uid: str, snapshot: Snapshot, child_names: Mapping[Naming, str]) -> Naming | None:
    """The naming set that a resource's children show it to have, for one that has lost its record.

    Args:
        uid: The resource.
        snapshot: The observed world.
        child_names: What its child resource is called under each set.
    """
    there = {child.metadata.name for child in snapshot.everything_of(uid) if isinstance(child, Owner)}
    return next((naming for naming, name in child_names.items() if name in there), None)


def record_naming(owner: DaskCluster | DaskJob, naming: Naming) -> Record:
    """Records the naming set, so that a later change of the setting does not rename this resource's objects."""
    return Record(
        owner, {"metadata": {"annotations": {NAMING: str(naming)}}}, f"seen for the first time: naming {naming}"
    )
