"""The kinds the reconciler reads and writes, and the keys that tell objects apart."""

from typing import NamedTuple

GROUP = "kubernetes.dask.org"
VERSION = "v1"


class Kind(NamedTuple):
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

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or its subresource.

        Args:
            namespace: The namespace, or `None` for the collection over all namespaces.
            name: The object's name, or `None` for the collection.
            subresource: Such as `status`; only with a name.
        """
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        parts += [f"namespaces/{namespace}"] if namespace else []
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)

    def __str__(self) -> str:
        return self.name


DASK_CLUSTER = Kind(GROUP, VERSION, "DaskCluster", "daskclusters")
DASK_WORKER_GROUP = Kind(GROUP, VERSION, "DaskWorkerGroup", "daskworkergroups")
DASK_JOB = Kind(GROUP, VERSION, "DaskJob", "daskjobs")
DASK_AUTOSCALER = Kind(GROUP, VERSION, "DaskAutoscaler", "daskautoscalers")
POD = Kind("", "v1", "Pod", "pods")
SERVICE = Kind("", "v1", "Service", "services")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
"""It is only listed where one is asked for."""
EVENT = Kind("", "v1", "Event", "events")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")
"""The reconciler looks at none; the Pods of `local` have use for them."""
NAMESPACE = Kind("", "v1", "Namespace", "namespaces")
"""It is only asked whether there is one of a name."""
SECRET = Kind("", "v1", "Secret", "secrets")
"""Read by name alone, where a cluster names one."""

CUSTOM_KINDS = (DASK_JOB, DASK_CLUSTER, DASK_WORKER_GROUP, DASK_AUTOSCALER)
CHILD_KINDS = (POD, SERVICE)
ALL_KINDS = (*CUSTOM_KINDS, *CHILD_KINDS, EVENT)
KNOWN_KINDS = (*ALL_KINDS, POD_DISRUPTION_BUDGET)
"""All that the reconciler may make."""


class Key(NamedTuple):
    """Which object: its kind, namespace and name. A tuple, since a pass makes and hashes tens of thousands."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}"


def kind_of(api_version: str, name: str) -> Kind | None:
    """The known kind that a manifest's `apiVersion` and `kind` name, or `None`."""
    return next((kind for kind in KNOWN_KINDS if (kind.api_version, kind.name) == (api_version, name)), None)
