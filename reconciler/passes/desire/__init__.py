"""What should exist: one custom resource and the snapshot in, the objects it asks for out.

Pure: no clock (the snapshot says when it was taken), no network, no randomness. A resource that is being deleted
asks for nothing; garbage collection does the rest.
"""

from models.kinds import POD
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Owner, Snapshot
from reconciler.passes.desire.autoscaler import desire_autoscaler
from reconciler.passes.desire.cluster import desire_cluster
from reconciler.passes.desire.disruption_budgets import with_budget
from reconciler.passes.desire.disruption_marks import disruption_marked
from reconciler.passes.desire.group import desire_group
from reconciler.passes.desire.job import desire_job
from reconciler.passes.values import Desired
from reconciler.rules.names import Naming

__all__ = ["desire"]


def desire(owner: Owner, snapshot: Snapshot, naming: Naming, *, marks: bool = False) -> Desired:
    """What the resource asks for.

    Args:
        owner: A custom resource in the snapshot.
        snapshot: The observed world.
        naming: The naming set for resources that have none recorded yet.
        marks: Whether Pods tell node autoscalers whether they may be moved.
    """
    desired = with_budget(_desire(owner, snapshot, naming), snapshot)
    return disruption_marked(desired, snapshot) if marks else desired


def _desire(owner: Owner, snapshot: Snapshot, naming: Naming) -> Desired:
    if owner.metadata.deletion_timestamp is not None or _is_incomplete(owner, snapshot):
        return Desired(owner)
    match owner:
        case DaskCluster():
            return desire_cluster(owner, snapshot, naming)
        case DaskWorkerGroup():
            return desire_group(owner, snapshot)
        case DaskJob():
            return desire_job(owner, snapshot, naming)
        case DaskAutoscaler():
            return desire_autoscaler(owner, snapshot)


def _is_incomplete(owner: Owner, snapshot: Snapshot) -> bool:
    """Whether a Pod of the resource, or of its cluster, cannot be read: how many there are is not known then.

    Everything else is found by its name: what cannot be read is left alone, and hinders nothing else.
    """
    uids = {owner.metadata.uid}
    if isinstance(owner, DaskWorkerGroup):
        uids.update(reference.uid for reference in owner.metadata.owner_references)
    return any(item.key.kind == POD and not uids.isdisjoint(item.owner_uids) for item in snapshot.unreadable.values())
