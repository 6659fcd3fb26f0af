"""Hashes of what users wrote: a Pod is replaced when its hash is no longer its template's.

They cover the user's intent alone, not its metadata (patched in place) and nothing that the reconciler adds, so that
a new version of the reconciler does not restart every Pod.
"""

import hashlib
import json
from typing import Any

from models.resources import DaskCluster, DaskJob, DaskWorkerGroup
from reconciler.rules.addresses import COMM_PORT, comm_port, scheme

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def scheduler_hash(cluster: DaskCluster) -> str:
    """The hash of a cluster's scheduler template."""
    return _hash(cluster.spec.scheduler.spec)


def worker_hash(group: DaskWorkerGroup, cluster: DaskCluster) -> str:
    """The hash of a group's worker template, and of the scheme and port under which workers reach the scheduler."""
    # Where no port is known, no worker is made; those that are there already run on.
    address = f"{scheme(cluster)}:{comm_port(cluster) or COMM_PORT}"
    return _hash({"template": group.spec.worker.spec, "scheduler": address})


def runner_hash(job: DaskJob) -> str:
    """The hash of a job's runner template."""
    return _hash(job.spec.job.spec)


def _hash(value: Any) -> str:
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()[:16]
