"""What every object is called, under both naming sets.

    object                          classic                     current
    scheduler Pod                   <c>-scheduler               same
    Service the user describes      <c>-service                 <c>-scheduler
    Service for in-cluster clients  <c>-scheduler               none: the one above has that name
    default worker group            <c>-default-worker-group    <c>-default
    worker Pod                      <group>-worker-<10 hex>     same
    a job's cluster                 <job>-cluster, or <job>     <job>
                                    where that is too long
    a job's runner Pod              <job>-runner                same

`classic` is what Dask's documentation and RAPIDS' show; `current` is what dask-kubernetes has made since 2023.
"""

import hashlib
import re
from enum import StrEnum

from models.rules import LONGEST_CLUSTER_NAME

LONGEST_LABEL_VALUE = 63

_CLUSTER_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


class Naming(StrEnum):
    """Which set of names new resources get."""

    CLASSIC = "classic"
    CURRENT = "current"


def scheduler_pod(cluster: str) -> str:
    """The scheduler Pod of a cluster."""
    return f"{cluster}-scheduler"


def user_service(naming: Naming, cluster: str) -> str:
    """The Service with the spec that the user wrote."""
    return f"{cluster}-service" if naming is Naming.CLASSIC else f"{cluster}-scheduler"


def comm_service(cluster: str) -> str:
    """The Service whose name clients and workers use, under both naming sets."""
    return f"{cluster}-scheduler"


def default_group(naming: Naming, cluster: str) -> str:
    """The worker group that a cluster makes from its own `spec.worker`."""
    return f"{cluster}-default-worker-group" if naming is Naming.CLASSIC else f"{cluster}-default"


def job_cluster(naming: Naming, job: str) -> str:
    """The cluster that a job brings with it.

    Flyte's jobs have 48 characters, and it takes for the scheduler the Pod whose name begins with the whole job's.
    """
    classic = f"{job}-cluster"
    return classic if naming is Naming.CLASSIC and len(classic) <= LONGEST_CLUSTER_NAME else job


def job_runner(job: str) -> str:
    """The Pod that runs a job's command."""
    return f"{job}-runner"


def worker(group: str, group_uid: str, ordinal: int) -> str:
    """A worker Pod: the same name for the same group and ordinal, whoever works it out."""
    return f"{group}-worker-{_digest(f'{group_uid}/{ordinal}', 10)}"


def replacement(name: str, stuck_uid: str) -> str:
    """A name for the replacement of a Pod that holds the name and cannot go."""
    return f"{name}-{_digest(stuck_uid, 5)}"


def label_value(name: str) -> str:
    """The name as a label's value: itself, or shortened with a hash if it is past 63 characters."""
    if len(name) <= LONGEST_LABEL_VALUE:
        return name
    return f"{name[: LONGEST_LABEL_VALUE - 11].rstrip('-.')}-{_digest(name, 10)}"


def cluster_name_error(name: str) -> str | None:
    """Why no cluster can have that name, and what to do; `None` if it can."""
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


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
