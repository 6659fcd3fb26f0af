"""What things are called: a cluster's objects under both naming sets, kinds, labels, annotations and conditions.

    object                            classic                     current
    the DaskCluster of KubeCluster    <n>-cluster                 <n>
    Service the user describes        <c>-service                 <c>-scheduler
    Service that clients use          <c>-scheduler               the same one
    default worker group              <c>-default-worker-group    <c>-default
    another worker group              <c>-<group>                 <c>-<group>

`<n>` is the name that KubeCluster is given, `<c>` the DaskCluster's. `classic` is what Dask's documentation and RAPIDS'
show; `current` is what dask-kubernetes makes. A name that ends in `-cluster` already is left as it is.

The reconciler decides all this. A client is no place for its packages, so it is written here a second time, and a test
keeps the two equal.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

GROUP = "kubernetes.dask.org"
VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of Kubernetes object.

    Args:
        group: The API group; empty for the core group.
        version: The API version within the group.
        name: The kind as manifests spell it, such as `DaskCluster`.
        plural: The resource as URLs spell it, such as `daskclusters`.
    """

    group: str
    version: str
    name: str
    plural: str

    @property
    def api_version(self) -> str:
        """`group/version`, or the bare version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


DASK_CLUSTER = Kind(GROUP, VERSION, "DaskCluster", "daskclusters")
DASK_WORKER_GROUP = Kind(GROUP, VERSION, "DaskWorkerGroup", "daskworkergroups")
DASK_JOB = Kind(GROUP, VERSION, "DaskJob", "daskjobs")
DASK_AUTOSCALER = Kind(GROUP, VERSION, "DaskAutoscaler", "daskautoscalers")
POD = Kind("", "v1", "Pod", "pods")
SERVICE = Kind("", "v1", "Service", "services")
EVENT = Kind("", "v1", "Event", "events")

CLUSTER_NAME = "dask.org/cluster-name"
COMPONENT = "dask.org/component"
WORKER_GROUP_NAME = "dask.org/workergroup-name"
ROLE = "kubernetes.dask.org/role"
"""Annotation on a child: what it is to its owner, whatever it is called."""
NAMING = "kubernetes.dask.org/naming"
"""Annotation on a DaskCluster or DaskJob: the naming set that the reconciler keeps to. dask-kubernetes sets none."""
OWNER_SEEN = "kubernetes.dask.org/owner-seen"
"""Annotation on a DaskCluster: when the program that made it last gave a sign of life."""
OWNER_TIMEOUT_SECONDS = "kubernetes.dask.org/owner-timeout-seconds"
"""Annotation on a DaskCluster: for how long it outlives that; the reconciler deletes it then."""

LONGEST_CLUSTER_NAME = 53
"""A Service's name is a DNS label of 63 characters at most, and `-scheduler` takes ten."""
LONGEST_GROUP_NAME = 235
"""Workers are Pods called `<group>-worker-<10 digits>`, and a Pod's name has 253 characters at most."""
LONGEST_LABEL_VALUE = 63
DEFAULT_GROUP = "default"
"""What the worker group that comes with a cluster is called where people choose a group."""

_SUFFIX = "-cluster"
_CLUSTER_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class Naming(StrEnum):
    """Which set of names objects have."""

    CLASSIC = "classic"
    CURRENT = "current"


class Component(StrEnum):
    """Values of the label `dask.org/component`."""

    SCHEDULER = "scheduler"
    SCHEDULER_COMM = "scheduler-comm"
    """The plain Service beside the one that the user describes: monitors that select `scheduler` find one of them."""
    WORKER = "worker"
    WORKER_GROUP = "workergroup"
    JOB_RUNNER = "job-runner"


DEFAULT_GROUP_ROLE = "default-group"
"""The value of the annotation that says what a child is to its owner: its default worker group."""


class Phase(StrEnum):
    """Values of a DaskCluster's `status.phase`, which dask-kubernetes sets too."""

    CREATED = "Created"
    PENDING = "Pending"
    RUNNING = "Running"
    ERROR = "Error"


class ConditionType(StrEnum):
    """What conditions are about, as far as the client reads them."""

    READY = "Ready"
    SCHEDULER_READY = "SchedulerReady"
    PROGRESSING = "Progressing"
    ACCEPTED = "Accepted"
    COMPLETE = "Complete"
    FAILED = "Failed"


class EndReason(StrEnum):
    """Why a DaskCluster was deleted by the reconciler: the reasons of its last Event."""

    OWNER_GONE = "OwnerGone"
    IDLE_TOO_LONG = "IdleTimeout"
    TTL_OVER = "TTLExpired"


class Reason(StrEnum):
    """Why conditions are as they are: the reasons that mean something of their own to the client."""

    INCOMPLETE = "Incomplete"
    REPLACING = "Replacing"
    INVALID = "Invalid"
    NAME_CONFLICT = "NameConflict"
    NAME_TOO_LONG = "NameTooLong"
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    NO_SCHEDULER_PORT = "NoSchedulerPort"
    OTHER_OPERATOR = "ManagedByDaskKubernetes"
    TERMINATING = "WaitingForTermination"
    BACK_OFF = "BackOff"
    REFUSED = "Refused"
    UNAVAILABLE = "ApiUnavailable"
    DELETION_CAP = "DeletionCap"
    NO_DELETE = "DeletionDisabled"
    UNDONE = "ChangesUndone"
    INTERNAL_ERROR = "InternalError"


@dataclass(frozen=True, slots=True)
class ClusterNames:
    """A cluster's names.

    Args:
        naming: Under which naming set.
        cluster: What the DaskCluster is called.
    """

    naming: Naming
    cluster: str

    @property
    def user_service(self) -> str:
        """The Service with the spec that the user wrote."""
        return f"{self.cluster}-service" if self.naming is Naming.CLASSIC else f"{self.cluster}-scheduler"

    @property
    def comm_service(self) -> str:
        """The Service that clients and workers use."""
        return f"{self.cluster}-scheduler"

    @property
    def default_group(self) -> str:
        """The worker group that comes with the cluster."""
        return self.cluster + ("-default-worker-group" if self.naming is Naming.CLASSIC else "-default")

    def group(self, name: str = DEFAULT_GROUP) -> str:
        """A worker group, by the name that people use: `default`, or as it was called when it was added.

        Raises:
            ValueError: no worker group can be called so.
        """
        whole = self.default_group if name == DEFAULT_GROUP else f"{self.cluster}-{name}"
        error = group_name_error(whole)
        if error is not None:
            raise ValueError(f"worker group {name!r}: {error}")
        return whole


def cluster_names(naming: Naming, name: str) -> ClusterNames:
    """What `KubeCluster(name=…)` makes.

    Args:
        naming: Under which naming set.
        name: The name that KubeCluster is given.

    Raises:
        ValueError: no DaskCluster can be called as it would be.
    """
    cluster = candidates(name, naming)[0]
    error = cluster_name_error(cluster)
    if error is not None:
        made = f"KubeCluster(name={name!r}) makes a DaskCluster called {cluster!r}: " if cluster != name else ""
        raise ValueError(made + error)
    return ClusterNames(naming, cluster)


def candidates(name: str, naming: Naming = Naming.CLASSIC) -> tuple[str, ...]:
    """The DaskClusters that somebody may mean by a name, the likeliest first: `<name>-cluster`, then `<name>`.

    Args:
        name: The name that KubeCluster is given.
        naming: The naming set whose name comes first.
    """
    if name.endswith(_SUFFIX):
        return (name,)
    return (f"{name}{_SUFFIX}", name) if naming is Naming.CLASSIC else (name, f"{name}{_SUFFIX}")


def longest_name(naming: Naming) -> int:
    """How long a name that KubeCluster is given may be."""
    return LONGEST_CLUSTER_NAME - (len(_SUFFIX) if naming is Naming.CLASSIC else 0)


def cluster_name_error(name: str) -> str | None:
    """Why no DaskCluster can have that name, and what to do; `None` if it can."""
    if len(name) > LONGEST_CLUSTER_NAME:
        return (
            f"the name {name!r} has {len(name)} characters; {LONGEST_CLUSTER_NAME} is the most, "
            "since Services are named after it; choose a shorter one"
        )
    if not _CLUSTER_NAME.fullmatch(name):
        return (
            f"the name {name!r} must consist of lower-case letters, digits and '-', start with a letter and end with "
            "a letter or digit, since Services are named after it; choose another"
        )
    return None


def group_name_error(name: str) -> str | None:
    """Why no DaskWorkerGroup can have that name, and what to do; `None` if it can."""
    if len(name) > LONGEST_GROUP_NAME:
        return (
            f"the name {name!r} has {len(name)} characters; {LONGEST_GROUP_NAME} is the most, "
            "since worker Pods are named after it; choose a shorter one"
        )
    if not _OBJECT_NAME.fullmatch(name):
        return f"the name {name!r} must consist of lower-case letters, digits, '-' and '.'; choose another"
    return None


def label_value(name: str) -> str:
    """The name as a label's value: itself, or shortened with a hash if it is past 63 characters."""
    if len(name) <= LONGEST_LABEL_VALUE:
        return name
    return f"{name[: LONGEST_LABEL_VALUE - 11].rstrip('-.')}-{_digest(name, 10)}"


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
