"""`KubeCluster`: a Dask cluster on Kubernetes, as a Python object."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Self

from dask.utils import parse_timedelta
from distributed.core import Status
from distributed.utils import NoOpAwaitable, format_dashboard_link

from kubecluster import checks, groups, options
from kubecluster.arguments import described
from kubecluster.containers import Command, Environment, Objects, Resources
from kubecluster.groups import Adapting, Wanted
from kubecluster.managed import GONE_SECONDS, ManagedCluster
from kubecluster.names import DEFAULT_GROUP
from kubecluster.options import HANDED_ON, CreateMode
from kubecluster.progress import Progress


@described
class KubeCluster(ManagedCluster):
    """A Dask cluster on Kubernetes: makes it, or joins one that is there.

    It is what every other Dask cluster manager is: `Client(cluster)`, `scale`, `adapt`, `get_logs`, `dashboard_link`,
    the widget in a notebook, `with` and `async with`.

        from kubecluster import KubeCluster

        with KubeCluster(name="rapids-dask", image="ghcr.io/dask/dask:latest", n_workers=3) as cluster:
            client = cluster.get_client()

    Each argument can be given in Dask's configuration too, below `kubernetes.`.
    """

    def __init__(  # noqa: PLR0913  # dask-kubernetes' arguments, in its order, and then ours
        self,
        *,
        name: str | None = None,
        namespace: str | None = None,
        image: str | None = None,
        n_workers: int | None = None,
        resources: Resources | None = None,
        env: Environment | None = None,
        worker_command: Command | None = None,
        port_forward_cluster_ip: bool | None = None,
        create_mode: CreateMode | str | None = None,
        shutdown_on_close: bool | None = None,
        idle_timeout: int | None = None,
        resource_timeout: float | None = None,
        scheduler_service_type: str | None = None,
        custom_cluster_spec: Mapping[str, Any] | str | None = None,
        scheduler_forward_port: int | None = None,
        jupyter: bool | None = None,
        loop: Any = None,
        asynchronous: bool = False,
        quiet: bool | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        scheduler_resources: Resources | None = None,
        worker_resources: Resources | None = None,
        gpus: int | None = None,
        naming: str | None = None,
        wait_for_workers: bool | int | None = None,
        wait_timeout: float | None = None,
        owner_timeout: int | None = None,
        port_forward: str | bool | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        security_context: Mapping[str, Any] | None = None,
        service_account: str | None = None,
        node_selector: Mapping[str, str] | None = None,
        tolerations: Objects | None = None,
        volumes: Objects | None = None,
        volume_mounts: Objects | None = None,
        scheduler_sync_interval: float | str = 1,
    ) -> None:
        given = {key: value for key, value in locals().items() if key not in (*HANDED_ON, "self", "__class__")}
        super().__init__(
            options.resolve(**given), asynchronous=asynchronous, loop=loop, sync_interval=scheduler_sync_interval
        )

    @classmethod
    def from_name(cls, name: str, **kwargs: Any) -> Self:
        """Join a cluster that is there, and leave it there at the end.

        Args:
            name: As it was given to KubeCluster, or the DaskCluster's; with its namespace before it if you like, as in
                `analysis/rapids-dask`.
            **kwargs: What KubeCluster takes.

        Raises:
            ClusterNotFound: there is none of that name.
        """
        namespace, _, short = name.rpartition("/")
        place = {"namespace": namespace} if namespace else {}
        return cls(
            name=short, **{"create_mode": CreateMode.CONNECT_ONLY, "shutdown_on_close": False, **place, **kwargs}
        )

    @property
    def namespace(self) -> str:
        """The namespace in which the cluster is."""
        return self._session.namespace

    @property
    def cluster_name(self) -> str:
        """What the DaskCluster is called, as in `<name>-cluster`; empty until that is known."""
        return self._session.cluster_name

    @property
    def shutdown_on_close(self) -> bool:
        """Whether the cluster is deleted when this is closed, or Python ends."""
        return self._session.owns

    @shutdown_on_close.setter
    def shutdown_on_close(self, is_wanted: bool) -> None:
        if not self.cluster_name:  # it is not started yet
            self._session.options = replace(self._session.options, shutdown_on_close=is_wanted)
        elif is_wanted != self._session.owns:
            (self._session.take if is_wanted else self._session.keep)()

    @property
    def dashboard_link(self) -> str:
        """The dashboard's address; empty if it cannot be reached."""
        place = self._session.access.dashboard if self._session.access else None
        return str(format_dashboard_link(place.host, place.port)) if place else ""

    @property
    def jupyter_link(self) -> str:
        """The address of the Jupyter that runs beside the scheduler.

        Raises:
            RuntimeError: none does.
        """
        if not self._session.has_jupyter:
            raise RuntimeError("No Jupyter runs beside the scheduler: make the cluster with jupyter=True.")
        return self.dashboard_link.replace("/status", "/jupyter/lab")

    def scale(self, n: int, worker_group: str = DEFAULT_GROUP) -> Any:
        """Set how many workers there are. They come and go later; see `wait_for_workers`.

        Args:
            n: How many, 0 or more.
            worker_group: In which worker group.

        Raises:
            ClusterNotFound: there is no such worker group.
            ValueError: it is not a number of workers.
        """
        scaled = self._call(groups.scale, self._session.resource, n, worker_group)
        if isinstance(self._adaptive, Adapting) and self._adaptive.group == worker_group:
            self._adaptive = None
        return scaled

    def adapt(  # type: ignore[override]  # how fast is the reconciler's
        self, minimum: int | None = None, maximum: float | None = None, worker_group: str = DEFAULT_GROUP
    ) -> Adapting:
        """Let the number of workers follow the work there is, until `scale` is called.

        Args:
            minimum: The least number; by default 0.
            maximum: The greatest; by default as many as there is room for.
            worker_group: Of which worker group.

        Raises:
            ClusterNotFound: there is no such worker group.
            ValueError: the bounds make no sense.
        """
        adapting = Adapting(minimum, maximum, worker_group)
        begun = self._call(groups.adapt, self._session.resource, adapting, worker_group)
        self._adaptive = adapting
        return adapting.begun_by(begun)

    def add_worker_group(  # noqa: PLR0913, PLR0917  # dask-kubernetes' arguments, in its order, and then ours
        self,
        name: str,
        n_workers: int = 3,
        image: str | None = None,
        resources: Resources | None = None,
        worker_command: Command | None = None,
        env: Environment | None = None,
        custom_spec: Mapping[str, Any] | None = None,
        *,
        gpus: int | None = None,
    ) -> Any:
        """Add workers of another kind, such as with more memory.

        Args:
            name: What people call the group.
            n_workers: How many workers to begin with.
            image: Their image; this and what follows is as in the default group if it is left out.
            resources: Limits and requests of each.
            worker_command: What they run.
            env: Their environment variables.
            custom_spec: The whole `worker` of a DaskWorkerGroup, in place of all others but the name.
            gpus: How many NVIDIA GPUs each gets.

        Raises:
            AlreadyExists: there is a group of that name.
            ValueError: an argument makes no sense.
        """
        wanted = Wanted(
            n_workers=n_workers,
            image=image,
            resources=resources,
            worker_command=worker_command,
            env=env,
            gpus=gpus,
        )
        return self._call(groups.add, self._session.resource, name, wanted, custom_spec)

    def delete_worker_group(self, name: str, timeout: float | str = groups.RETIRING_SECONDS) -> Any:
        """Delete a worker group, and its workers, after these have handed over what they hold to the others.

        Args:
            name: Which.
            timeout: For how many seconds to wait for that, or a text such as `5 minutes`; 0 deletes it at once. What
                workers still have then is lost.

        Raises:
            ClusterNotFound: there is none of that name.
            ValueError: it is the default group.
        """
        progress = Progress(f"Deleting the worker group {name}", quiet=self.quiet)
        return self._call(groups.delete, self._session.resource, name, parse_timedelta(timeout), progress)

    def wait_for_workers(self, n_workers: int, timeout: float | str | None = None) -> Any:
        """Wait until so many workers have joined the scheduler.

        Args:
            n_workers: How many, at least 1.
            timeout: For how many seconds, or a text such as `5 minutes`; by default `wait_timeout`.

        Raises:
            NotReady: they will not, or not in time; the message says why. It is a `TimeoutError`.
        """
        wanted = checks.whole_number(n_workers, "n_workers", least=1)
        self._session.check()
        return self.sync(self._await_workers, wanted, None if timeout is None else parse_timedelta(timeout))

    def get_logs(
        self,
        cluster: bool = True,  # noqa: FBT001, FBT002  # as distributed has it
        scheduler: bool = True,  # noqa: FBT001, FBT002
        workers: bool | Iterable[str] = True,  # noqa: FBT001, FBT002
    ) -> Any:
        """The logs of the scheduler's and the workers' Pods, by the Pods' names; also when Dask does not answer.

        Args:
            cluster: Whether to add what this object has to say, as `Cluster`.
            scheduler: Whether to have the scheduler's.
            workers: Whether to have the workers', or of which Pods.
        """
        self._session.check()
        return self.sync(self._collect, cluster=cluster, scheduler=scheduler, workers=workers)

    def close(self, timeout: float | None = None) -> Any:
        """Let go of the cluster, and delete it if it is ours; see `shutdown_on_close`.

        What its workers hold is lost then: nobody is left to take it.

        Args:
            timeout: For how many seconds to wait until it is gone; by default 60.

        Raises:
            TimeoutError: it is not gone by then; it will be when its operator acts.
            KubeClusterError: it could not be deleted; closing again tries again.
        """
        is_over = self.status == Status.closed and not self._session.owns
        if is_over or os.getpid() != self._process:  # a copy of the program has no event loop, and no cluster
            return NoOpAwaitable() if self.asynchronous else None
        try:
            return self.sync(self._close, GONE_SECONDS if timeout is None else timeout)
        finally:
            if not (self.asynchronous or self._session.owns):
                self._loop_runner.stop()
