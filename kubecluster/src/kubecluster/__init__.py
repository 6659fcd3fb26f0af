"""Dask clusters on Kubernetes from Python and the command line.

    from kubecluster import KubeCluster

What is here is imported when it is first used: the errors and the specs need none of Dask's second of imports.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kubecluster._version import __version__

if TYPE_CHECKING:
    from kubecluster.arguments import CreateMode as CreateMode
    from kubecluster.arguments import PortForward as PortForward
    from kubecluster.cluster import KubeCluster as KubeCluster
    from kubecluster.discovery import discover as discover
    from kubecluster.errors import AlreadyExists as AlreadyExists
    from kubecluster.errors import ClusterGone as ClusterGone
    from kubecluster.errors import ClusterNotFound as ClusterNotFound
    from kubecluster.errors import Conflict as Conflict
    from kubecluster.errors import ConnectionFailed as ConnectionFailed
    from kubecluster.errors import CrashLoop as CrashLoop
    from kubecluster.errors import ForwardFailed as ForwardFailed
    from kubecluster.errors import ImagePullFailed as ImagePullFailed
    from kubecluster.errors import Invalid as Invalid
    from kubecluster.errors import KubeClusterError as KubeClusterError
    from kubecluster.errors import NamespaceNotFound as NamespaceNotFound
    from kubecluster.errors import NoCertificates as NoCertificates
    from kubecluster.errors import NoKubernetes as NoKubernetes
    from kubecluster.errors import NoOperator as NoOperator
    from kubecluster.errors import NotAllowed as NotAllowed
    from kubecluster.errors import NotInstalled as NotInstalled
    from kubecluster.errors import NotReady as NotReady
    from kubecluster.errors import PodRefused as PodRefused
    from kubecluster.errors import QuotaExceeded as QuotaExceeded
    from kubecluster.errors import RequestFailed as RequestFailed
    from kubecluster.errors import TimedOut as TimedOut
    from kubecluster.errors import Unreachable as Unreachable
    from kubecluster.errors import Unschedulable as Unschedulable
    from kubecluster.errors import WrongContext as WrongContext
    from kubecluster.specs import make_cluster_spec as make_cluster_spec
    from kubecluster.specs import make_scheduler_spec as make_scheduler_spec
    from kubecluster.specs import make_worker_spec as make_worker_spec

_ERRORS = (
    "AlreadyExists",
    "ClusterGone",
    "ClusterNotFound",
    "Conflict",
    "ConnectionFailed",
    "CrashLoop",
    "ForwardFailed",
    "ImagePullFailed",
    "Invalid",
    "KubeClusterError",
    "NamespaceNotFound",
    "NoCertificates",
    "NoKubernetes",
    "NoOperator",
    "NotAllowed",
    "NotInstalled",
    "NotReady",
    "PodRefused",
    "QuotaExceeded",
    "RequestFailed",
    "TimedOut",
    "Unreachable",
    "Unschedulable",
    "WrongContext",
)
_MODULES = {
    "CreateMode": "arguments",
    "KubeCluster": "cluster",
    "PortForward": "arguments",
    "discover": "discovery",
    "make_cluster_spec": "specs",
    "make_scheduler_spec": "specs",
    "make_worker_spec": "specs",
    **dict.fromkeys(_ERRORS, "errors"),
}

__all__ = ["__version__", *sorted(_MODULES)]  # noqa: PLE0604  # they are texts


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
