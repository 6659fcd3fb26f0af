"""One Dask cluster as Kubernetes has it: read, watched, scaled, extended, deleted; each a request or a few.

Every change goes to a resource, never around it: what scales down is the reconciler's choice.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubecluster.api import Body, Kubernetes, path
from kubecluster.diagnosis import Sight
from kubecluster.diagnosis.sight import is_live, label, name_of, read, scheduler_pods, text
from kubecluster.errors import AlreadyExists, ClusterGone, ClusterNotFound, Conflict, Invalid, NotAllowed, RequestFailed
from kubecluster.names import (
    CLUSTER_NAME,
    COMPONENT,
    DASK_AUTOSCALER,
    DASK_CLUSTER,
    DASK_WORKER_GROUP,
    DEFAULT_GROUP,
    DEFAULT_GROUP_ROLE,
    EVENT,
    POD,
    ROLE,
    SERVICE,
    WORKER_GROUP_NAME,
    ClusterNames,
    Component,
    Kind,
    Naming,
    label_value,
)

WITHOUT_LIMIT = 2**31 - 1
"""As many workers as there is room for."""

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ClusterResource:
    """A DaskCluster and what belongs to it.

    Args:
        kubernetes: Where it is.
        namespace: In which namespace.
        name: The DaskCluster's name.
    """

    kubernetes: Kubernetes
    namespace: str
    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("the name of the Dask cluster is empty; name one")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def read(self) -> Body:
        """The DaskCluster.

        Raises:
            ClusterNotFound: there is none.
            KubeClusterError: it cannot be had.
        """
        return self.kubernetes.get(self._path(DASK_CLUSTER, self.name))

    def find(self) -> Body | None:
        """The DaskCluster; `None` if there is none."""
        with suppress(ClusterNotFound):
            return self.read()
        return None

    def create(self, manifest: Body) -> Body:
        """Create it; what it has become.

        Raises:
            AlreadyExists: there is one of that name.
            KubeClusterError: it was not created.
        """
        return self.kubernetes.create(self._path(DASK_CLUSTER), manifest)

    def annotate(
        self, annotations: Mapping[str, str | None], *, uid: str = "", owners: Sequence[Body] | None = None
    ) -> None:
        """Set annotations of the DaskCluster; `None` takes one away.

        Args:
            annotations: The annotations.
            uid: The uid that it must have, since another may have its name by now; any by default.
            owners: Its owner references from now on; by default they stay as they are.

        Raises:
            ClusterNotFound: there is no such DaskCluster.
            Conflict: it has another uid.
        """
        metadata: Body = {"annotations": dict(annotations), **({"uid": uid} if uid else {})}
        if owners is not None:
            metadata["ownerReferences"] = list(owners)
        try:
            self.kubernetes.patch(self._path(DASK_CLUSTER, self.name), {"metadata": metadata})
        except Invalid as error:
            if "metadata.uid" not in str(error):
                raise
            raise Conflict(f"The DaskCluster {self} is another one by now.") from error

    def delete(self, *, uid: str = "") -> None:
        """Ask for it to be deleted, and all that belongs to it; one that is not there is fine.

        Args:
            uid: The uid that it must have: if another has its name by now, that one stays; any by default.
        """
        try:
            self.kubernetes.delete(self._path(DASK_CLUSTER, self.name), uid=uid)
        except Conflict:
            if not uid:
                raise

    def sight(self, clock: Clock = now, *, with_events: bool = True) -> Sight:
        """A look at all that belongs to it.

        Args:
            clock: The time.
            with_events: Whether to look at the namespace's Events; there may be many, and not everybody may.
        """
        cluster = self.find()
        services = self._labelled(SERVICE)
        usual = ClusterNames(Naming.CLASSIC, self.name).comm_service
        if usual not in map(name_of, services):  # under classic names it is kept out of `kubectl get all -l …`
            with suppress(RequestFailed):
                services.append(self.service())
        events: list[Body] = []
        if with_events:
            with suppress(NotAllowed):
                events = self.kubernetes.list(self._path(EVENT))
        return Sight(clock(), cluster, self.groups(), tuple(self._labelled(POD)), tuple(services), tuple(events))

    def groups(self) -> tuple[Body, ...]:
        """Its DaskWorkerGroups."""
        listed = self.kubernetes.list(self._path(DASK_WORKER_GROUP))
        return tuple(group for group in listed if read(group, "spec", "cluster") == self.name)

    def group(self, name: str) -> Body:
        """A worker group, by the name that people use: `default`, the name it was added by, or its whole name.

        Raises:
            ClusterNotFound: there is none of that name.
        """
        groups = self.groups()
        found = next((group for group in groups if self._is_called(group, name)), None)
        if found is None:
            known = ", ".join(sorted(self.short_name(group) for group in groups)) or "none"
            raise ClusterNotFound(f"The Dask cluster {self} has no worker group {name!r}; it has: {known}.")
        return found

    def short_name(self, group: Body) -> str:
        """What people call a worker group."""
        if self._is_default(group):
            return DEFAULT_GROUP
        return name_of(group).removeprefix(f"{self.name}-")

    def scale(self, replicas: int, group: str = DEFAULT_GROUP) -> None:
        """Set how many workers a group has. What scaled it by itself until now is deleted.

        Raises:
            ClusterNotFound: there is no such cluster, or group.
        """
        self.stop_adapting(group)
        change = {"spec": {"worker": {"replicas": replicas}}}
        try:
            found = self.group(group)
        except ClusterNotFound:
            if group != DEFAULT_GROUP:
                raise
            # Nobody has made it yet: then it gets the number from its cluster.
            self.kubernetes.patch(self._path(DASK_CLUSTER, self.name), change)
            return
        self.kubernetes.patch(self._path(DASK_WORKER_GROUP, name_of(found)), change)

    def adapt(self, minimum: int = 0, maximum: int = WITHOUT_LIMIT, group: str = DEFAULT_GROUP) -> None:
        """Let the number of a group's workers follow the work there is, between two bounds.

        Raises:
            ClusterNotFound: there is no such cluster, or group.
            RequestFailed: the operator that is installed adapts the default group alone.
        """
        name, of = self._autoscaler(group)
        bounds = {"minimum": minimum, "maximum": maximum}
        with suppress(ClusterNotFound):
            self.kubernetes.patch(self._path(DASK_AUTOSCALER, name), {"spec": bounds})
            return
        spec = {"cluster": self.name, **of, **bounds}
        metadata = {"name": name, "labels": {CLUSTER_NAME: self.name, COMPONENT: "autoscaler"}, **self._owned()}
        body = {"apiVersion": DASK_AUTOSCALER.api_version, "kind": DASK_AUTOSCALER.name, "metadata": metadata}
        made = self.kubernetes.create(self._path(DASK_AUTOSCALER), {**body, "spec": spec})
        if of and read(made, "spec", "workerGroup") is None:
            self.kubernetes.delete(self._path(DASK_AUTOSCALER, name))
            raise RequestFailed(
                f"The worker group {group!r} of {self} cannot adapt: the custom resource definitions that are "
                "installed know autoscalers of the default group alone, as dask-kubernetes' do. Scale it by hand."
            )

    def stop_adapting(self, group: str = DEFAULT_GROUP) -> None:
        """Let the number of a group's workers be as it is; a group that does not adapt is fine."""
        name, _ = self._autoscaler(group)
        self.kubernetes.delete(self._path(DASK_AUTOSCALER, name))

    def autoscalers(self) -> tuple[Body, ...]:
        """The DaskAutoscalers of its worker groups."""
        listed = self.kubernetes.list(self._path(DASK_AUTOSCALER))
        return tuple(one for one in listed if read(one, "spec", "cluster") == self.name)

    def add_group(self, name: str, worker: Body) -> Body:
        """Add a worker group; what it has become.

        Args:
            name: As people call it.
            worker: The specification of its workers, with how many they are.

        Raises:
            AlreadyExists: there is one of that name.
            ClusterNotFound: there is no such cluster.
            ValueError: no group can be called so.
        """
        if name == DEFAULT_GROUP:
            raise AlreadyExists(
                f"The Dask cluster {self} has its default worker group already. Scale it, or name another."
            )
        whole = ClusterNames(Naming.CLASSIC, self.name).group(name)
        return self.kubernetes.create(
            self._path(DASK_WORKER_GROUP),
            {
                "apiVersion": DASK_WORKER_GROUP.api_version,
                "kind": DASK_WORKER_GROUP.name,
                "metadata": {"name": whole, "labels": {CLUSTER_NAME: self.name}, **self._owned()},
                "spec": {"cluster": self.name, "worker": worker},
            },
        )

    def delete_group(self, name: str) -> None:
        """Delete a worker group, and what scales it.

        Raises:
            ClusterNotFound: there is none of that name.
            ValueError: it is the default group, which belongs to the cluster.
        """
        found = self.check_deletable(name)
        self.stop_adapting(name)
        self.kubernetes.delete(self._path(DASK_WORKER_GROUP, name_of(found)))

    def check_deletable(self, name: str) -> Body:
        """A worker group that can be deleted by itself.

        Raises:
            ClusterNotFound: there is none of that name.
            ValueError: it is the default group, which belongs to the cluster.
        """
        found = self.group(name)
        if self._is_default(found):
            raise ValueError(f"The default worker group of {self} goes with the cluster alone. Scale it to 0 instead.")
        return found

    def workers_of(self, name: str) -> list[Body]:
        """The worker Pods of a group.

        Raises:
            ClusterNotFound: there is none of that name.
        """
        of = label_value(name_of(self.group(name)))
        return [pod for pod in self.pods(Component.WORKER) if label(pod, WORKER_GROUP_NAME) == of]

    def service(self) -> Body:
        """The Service through which clients reach the scheduler.

        Raises:
            RequestFailed: there is none.
        """
        return self.kubernetes.get(self._path(SERVICE, ClusterNames(Naming.CLASSIC, self.name).comm_service))

    def pods(self, component: Component) -> list[Body]:
        """Its Pods of one kind, by name; a scheduler that counts comes first.

        Args:
            component: Which kind.
        """
        found = self._labelled(POD, component)
        if component is Component.SCHEDULER:
            return scheduler_pods(Sight(now(), None, (), tuple(found), ()))
        return sorted(found, key=name_of)

    def scheduler_pod(self) -> Body:
        """The Pod in which the scheduler runs.

        Raises:
            ClusterGone: the cluster was deleted.
            RequestFailed: there is none at the moment.
        """
        live = [pod for pod in self.pods(Component.SCHEDULER) if is_live(pod)]
        if live:
            return live[0]
        if self.find() is None:
            raise ClusterGone(f"The Dask cluster {self} is gone: it was deleted.")
        raise RequestFailed(f"The Dask cluster {self} has no scheduler Pod at the moment.")

    def _owned(self) -> Body:
        """That something goes with the cluster, even if that goes before anybody has acted on it."""
        owner = {"apiVersion": DASK_CLUSTER.api_version, "kind": DASK_CLUSTER.name, "name": self.name}
        return {"ownerReferences": [{**owner, "uid": text(self.read(), "metadata", "uid"), "controller": True}]}

    def _path(self, kind: Kind, name: str = "") -> str:
        return path(kind.plural, self.namespace, name, group=kind.group, version=kind.version)

    def _labelled(self, kind: Kind, component: Component | None = None) -> list[Body]:
        labels = f"{CLUSTER_NAME}={self.name}{f',{COMPONENT}={component}' if component else ''}"
        return self.kubernetes.list(self._path(kind), labels=labels)

    def _is_called(self, group: Body, name: str) -> bool:
        if name == DEFAULT_GROUP:
            return self._is_default(group)
        return name_of(group) in (f"{self.name}-{name}", name)

    def _is_default(self, group: Body) -> bool:
        """By the reconciler's mark; dask-kubernetes makes none, and a name may be under either set."""
        return (
            name_of(group) in self._default_names or text(group, "metadata", "annotations", ROLE) == DEFAULT_GROUP_ROLE
        )

    def _autoscaler(self, group: str) -> tuple[str, Mapping[str, Any]]:
        """The name of a group's DaskAutoscaler, and what its spec has besides."""
        if group == DEFAULT_GROUP:
            return self.name, {}
        whole = name_of(self.group(group))
        return (self.name, {}) if whole in self._default_names else (whole, {"workerGroup": whole})

    @property
    def _default_names(self) -> Sequence[str]:
        return [ClusterNames(naming, self.name).default_group for naming in Naming]


def listed(kubernetes: Kubernetes, namespace: str | None) -> list[ClusterResource]:
    """The DaskClusters of a namespace, or of all.

    Args:
        kubernetes: Where to look.
        namespace: In which; `None` for all.
    """
    bodies = kubernetes.list(path(DASK_CLUSTER.plural, namespace))
    places = ((text(body, "metadata", "namespace"), name_of(body)) for body in bodies)
    return [ClusterResource(kubernetes, *place) for place in sorted(places)]
