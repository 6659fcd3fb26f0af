"""What can go wrong between Python and a Dask cluster on Kubernetes.

KubeClusterError
├── ConnectionFailed             Kubernetes cannot be reached, or says no
│   ├── NoKubernetes             no kubeconfig and no service account, or one that cannot be used
│   ├── WrongContext             there is no such context
│   ├── Unreachable              nobody answers
│   └── NotAllowed               the rights do not suffice
├── RequestFailed                Kubernetes refused what was asked of it
│   ├── NotInstalled             the custom resource definitions are not there
│   ├── AlreadyExists            there is a cluster of that name
│   ├── ClusterNotFound          there is none of that name
│   │   └── NamespaceNotFound    nor is there its namespace
│   ├── Conflict                 somebody else changed it at the same time
│   └── Invalid                  the resource is wrong
├── NotReady                     it did not become ready
│   ├── NoOperator               nobody acts on the resource
│   ├── ImagePullFailed          an image cannot be pulled
│   ├── Unschedulable            no node takes a Pod
│   ├── QuotaExceeded            the namespace's quota is used up
│   ├── PodRefused               Pods are refused for another reason
│   ├── CrashLoop                a container ends again and again
│   └── TimedOut                 it is still coming, but not in time
├── ForwardFailed                a port cannot be forwarded
├── NoCertificates               the scheduler speaks TLS, and there are none for it
└── ClusterGone                  the cluster was deleted while it was used

Messages say what was seen and what to do. Those of dask-kubernetes's errors that users catch are bases of ours, so that
their `except` clauses go on working: `ValueError`, `TimeoutError`, `RuntimeError`.
"""


class KubeClusterError(Exception):
    """Any of the errors here."""


class ConnectionFailed(KubeClusterError):
    """Kubernetes cannot be reached, or says no."""


class NoKubernetes(ConnectionFailed):
    """There is no kubeconfig and no service account, or one that cannot be used."""


class WrongContext(ConnectionFailed):
    """The kubeconfig has no such context."""


class Unreachable(ConnectionFailed, OSError):
    """Nobody answers at the API server's address, or not in time."""


class NotAllowed(ConnectionFailed, PermissionError):
    """The user has no right to do this, or Kubernetes does not know the user."""


class RequestFailed(KubeClusterError, RuntimeError):
    """Kubernetes refused what was asked of it."""


class NotInstalled(RequestFailed):
    """The custom resource definitions are not there, so nobody can make a DaskCluster."""


class AlreadyExists(RequestFailed, ValueError):
    """There is a cluster, or a worker group, of that name already."""


class ClusterNotFound(RequestFailed, ValueError):
    """There is no cluster, or no worker group, of that name."""


class NamespaceNotFound(ClusterNotFound):
    """There is no such namespace."""


class Conflict(RequestFailed):
    """Somebody else changed the resource at the same time."""


class Invalid(RequestFailed, ValueError):
    """The resource is wrong; the message has the field and Kubernetes' own words."""


class NotReady(KubeClusterError, TimeoutError):
    """The cluster did not become ready."""


class NoOperator(NotReady):
    """Nobody acts on the resource: no reconciler or operator looks after this namespace."""


class ImagePullFailed(NotReady):
    """An image cannot be pulled."""


class Unschedulable(NotReady):
    """No node takes a Pod."""


class QuotaExceeded(NotReady):
    """The namespace's quota is used up."""


class PodRefused(NotReady):
    """Kubernetes refuses the Pods, by a webhook, a policy or a wrong template."""


class CrashLoop(NotReady):
    """A container ends again and again; the message has its last words."""


class TimedOut(NotReady):
    """It is still coming, but not in the time that was given."""


class ForwardFailed(KubeClusterError, ConnectionError):
    """A port cannot be forwarded."""


class NoCertificates(KubeClusterError, ConnectionError):
    """The scheduler speaks TLS, and Dask's configuration has no certificates for it."""


class ClusterGone(KubeClusterError, RuntimeError):
    """The cluster was deleted while it was used."""
