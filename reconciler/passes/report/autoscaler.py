"""The status of a DaskAutoscaler."""

from models.kinds import DASK_CLUSTER, Key
from models.resources import DaskAutoscaler, DaskCluster
from models.status import DaskAutoscalerStatus
from reconciler.passes.report.conditions import blocked, condition, settle
from reconciler.passes.report.view import View
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason


def report_autoscaler(view: View, autoscaler: DaskAutoscaler) -> DaskAutoscalerStatus:
    """The autoscaler's status: whether its cluster exists, and that this version does not act on it."""
    cluster_key = Key(DASK_CLUSTER, autoscaler.metadata.namespace, autoscaler.spec.cluster)
    ready = blocked(ConditionType.READY, view.findings_of(autoscaler))
    if ready is None and view.snapshot.get(DaskCluster, cluster_key) is None:
        message = f"There is no {cluster_key}, which spec.cluster names."
        ready = condition(ConditionType.READY, Reason.CLUSTER_NOT_FOUND, message)
    if ready is None:
        message = "This version does not act on autoscalers: the number of workers is the worker group's own."
        ready = condition(ConditionType.READY, Reason.NOT_ACTING, message)
    meta = autoscaler.metadata
    return autoscaler.status.model_copy(
        update={
            "observed_generation": meta.generation,
            "conditions": settle((ready,), autoscaler.status.conditions, meta.generation, view.now),
        }
    )
