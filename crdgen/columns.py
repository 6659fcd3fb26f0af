"""What `kubectl get` shows of each kind: is it healthy, why not, how many of how many, how old."""

from dataclasses import dataclass

from crdgen.openapi import Schema
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Kind


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        name: Its title.
        path: The JSON path of its values.
        description: What it shows.
        type: `string`, `integer` or `date`.
        wide: Whether it is only shown by `kubectl get -o wide`.
    """

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def body(self) -> Schema:
        """The column as a CustomResourceDefinition has it."""
        body: Schema = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "jsonPath": self.path,
        }
        return body | ({"priority": 1} if self.wide else {})


def _of_ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


READY = Column("Ready", _of_ready("status"), "Whether everything is up.")
REASON = Column("Reason", _of_ready("reason"), "Why it is ready or not, in a word.")
MESSAGE = Column("Message", _of_ready("message"), "Why it is ready or not, in a sentence.", wide=True)
CLUSTER = Column("Cluster", ".spec.cluster", "The DaskCluster it belongs to.")
WORKERS = Column("Workers", ".status.workers", "How many workers are ready, of how many wanted.")
AGE = Column("Age", ".metadata.creationTimestamp", "How long ago it was created.", "date")

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    DASK_CLUSTER: (
        Column("Status", ".status.phase", "Created, Pending, Running or Error."),
        READY,
        WORKERS,
        REASON,
        AGE,
        MESSAGE,
        Column("Scheduler", ".status.schedulerAddress", "Where clients reach the scheduler.", wide=True),
    ),
    DASK_WORKER_GROUP: (
        CLUSTER,
        WORKERS,
        Column("Updated", ".status.updatedReplicas", "How many workers have the present template.", "integer"),
        READY,
        REASON,
        AGE,
        MESSAGE,
    ),
    DASK_JOB: (
        Column("Status", ".status.jobStatus", "JobCreated, ClusterCreated, Running, Successful or Failed."),
        Column("Cluster", ".status.clusterName", "The job's DaskCluster."),
        Column("Started", ".status.startTime", "How long ago its runner was first seen running.", "date"),
        Column("Finished", ".status.endTime", "How long ago its outcome was seen.", "date"),
        REASON,
        AGE,
        Column("Runner", ".status.jobRunnerPodName", "The Pod that runs its command.", wide=True),
        MESSAGE,
    ),
    DASK_AUTOSCALER: (
        CLUSTER,
        Column("Group", ".spec.workerGroup", "The worker group that it scales; empty for the cluster's default group."),
        Column("Minimum", ".spec.minimum", "The least number of workers.", "integer"),
        Column("Maximum", ".spec.maximum", "The greatest number of workers.", "integer"),
        Column("Workers", ".status.currentReplicas", "How many workers there are.", "integer"),
        Column("Desired", ".status.desiredReplicas", "How many there are to be.", "integer"),
        READY,
        REASON,
        AGE,
        MESSAGE,
    ),
}
