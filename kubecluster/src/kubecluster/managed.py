"""A session as distributed's `Cluster`: it starts, is waited for and lets go, in an event loop of its own or not."""

import asyncio
import os
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Self

from distributed.core import Status, rpc
from distributed.deploy.cluster import Cluster
from distributed.objects import SchedulerInfo
from distributed.utils import Log, Logs

from kubecluster.diagnosis import Verdict
from kubecluster.errors import KubeClusterError
from kubecluster.lifetime import exit_on_sigterm
from kubecluster.logs import collected
from kubecluster.options import CreateMode, Options, warn
from kubecluster.progress import Progress
from kubecluster.session import Session
from kubecluster.starting import connection_args
from kubecluster.threads import in_thread

GONE_SECONDS = 60.0
"""How long to wait for the DaskCluster to be gone."""
LET_GO_SECONDS = 5.0
"""How long taking leave of the scheduler may take, which may be gone already."""
ANSWER_SECONDS = 10.0
"""How long the scheduler may take to say who has joined it."""
AGAIN_SECONDS = 1.0
"""How long to wait before asking it again after a connection broke."""


class ManagedCluster(Cluster):
    """What makes a cluster manager of a session.

    Args:
        options: Which cluster, and what to do about it.
        asynchronous: Whether to run in the event loop of the caller.
        loop: The event loop to run in; by default one in a thread of its own.
        sync_interval: How often distributed writes down what it knows of this object.
    """

    def __init__(self, options: Options, *, asynchronous: bool, loop: Any, sync_interval: float | str) -> None:
        if options.ends_with_program:
            exit_on_sigterm()
        self._session = Session(options)
        self._progress = Progress("", quiet=True)
        self._is_settled = threading.Event()
        self._process = os.getpid()
        self._farewell = ""
        self._following: asyncio.Task[None] | None = None
        super().__init__(asynchronous, loop, options.quiet, options.name, sync_interval)
        if not self.called_from_running_loop:
            self._loop_runner.start()
            self._start_here()

    def __enter__(self) -> Self:
        if self.asynchronous:
            raise TypeError("This KubeCluster is asynchronous: write `async with` instead of `with`.")
        return self

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._awaited().__await__()

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    def _call(self, change: Callable[..., None], *arguments: Any) -> Any:
        """Make a change, in a thread; a task if we are in the event loop, which need not be awaited, else `None`."""
        made = self.sync(in_thread, partial(change, *arguments))
        return asyncio.ensure_future(made) if self.asynchronous else made

    async def _awaited(self) -> Self:
        if self.status == Status.created and not self._is_settled.is_set():
            with self._progress_of() as self._progress:
                await self._start()
            self._warn_of_join()
        return self

    def _start_here(self) -> None:
        """Start it from outside of the event loop; if people lose patience, what was made goes before they go on."""
        with self._progress_of() as self._progress:
            try:
                self.sync(self._start)
            except BaseException as error:
                self._is_settled.wait(GONE_SECONDS)
                self._loop_runner.stop()
                if self._farewell and self._farewell not in getattr(error, "__notes__", ()):
                    error.add_note(self._farewell)
                raise
        self._warn_of_join()

    def _warn_of_join(self) -> None:
        """Say which arguments came too late, in the caller's line."""
        ignored = self._session.options.ignored_by_join
        if self._session.has_joined and ignored:
            cluster = f"{self._session.namespace}/{self._session.cluster_name}"
            warn(
                f"The Dask cluster {cluster} was there already and is joined as it is, so these are ignored: "
                f"{', '.join(ignored)}. Use scale, choose another name, or set create_mode to CREATE_ONLY."
            )

    def _progress_of(self) -> Progress:
        name, mode = self._session.options.name, self._session.options.create_mode
        doing = "Connecting to" if mode is CreateMode.CONNECT_ONLY else "Starting"
        return Progress(f"{doing} the Dask cluster {name}", quiet=self.quiet)

    async def _start(self) -> None:
        try:
            address = await self._session.begin(self._progress)
            self.scheduler_comm = rpc(address, connection_args=connection_args(address))
            await super()._start()
            self._following = asyncio.ensure_future(self._follow_workers())
            if (wanted := self._session.options.wait_for_workers) is not False:
                await self._await_workers(None if wanted is True else wanted)
            words = f"The Dask cluster {self.name} is ready. Its dashboard: {self.dashboard_link or 'none'}"
            self._cluster_manager_logs.append((datetime.now(), words))  # noqa: DTZ005  # as distributed has it
            self._progress.close(words)
        except BaseException as error:
            await self._undo(error)
            raise
        finally:
            self._is_settled.set()

    async def _undo(self, error: BaseException) -> None:
        """Let go of what was begun, and say in the error what became of it."""
        was_ours, resource = self._session.owns, f"{self._session.namespace}/{self._session.cluster_name}"
        why = ""
        try:
            await self._close()
        except (KubeClusterError, TimeoutError) as trouble:
            why = str(trouble)
        if self._session.owns:
            self._farewell = f"The DaskCluster {resource} is not deleted yet, which is tried again at the end: {why}"
        elif was_ours:
            self._farewell = f"The DaskCluster {resource} was deleted again; see shutdown_on_close. {why}".rstrip()
        if self._farewell:
            error.add_note(self._farewell)

    async def _close(self, seconds: float = GONE_SECONDS) -> None:
        # First of all from the scheduler, or it is taken for lost while it goes.
        try:
            if self._following is not None:
                self._following.cancel()
                await asyncio.gather(self._following, return_exceptions=True)
            await self._take_leave()
        finally:
            await self._session.end(seconds)

    async def _take_leave(self) -> None:
        try:
            await asyncio.wait_for(super()._close(), LET_GO_SECONDS)
        except (OSError, TimeoutError):
            for task in (self._watch_worker_status_task, self._sync_cluster_info_task):
                if task is not None:
                    task.cancel()
            self.status = Status.closed
        self.scheduler_info = {"workers": {}}

    async def _follow_workers(self) -> None:
        """Go on knowing which workers there are: distributed stops at the first connection that breaks."""
        while self.status == Status.running:
            watching = self._watch_worker_status_task
            if watching is not None:
                await asyncio.wait([watching])
                _ = watching.cancelled() or watching.exception()  # whatever it is, it is begun again
            await asyncio.sleep(AGAIN_SECONDS)
            if self.status == Status.running:
                with suppress(OSError, ValueError):
                    await self._subscribe()

    async def _subscribe(self) -> None:
        scheduler: Any = self.scheduler_comm
        comm = await asyncio.wait_for(scheduler.live_comm(), ANSWER_SECONDS)
        comm.name = "Cluster worker status"
        await comm.write({"op": "subscribe_worker_status"})
        self.scheduler_info = SchedulerInfo(await asyncio.wait_for(comm.read(), ANSWER_SECONDS))
        self._watch_worker_status_comm = comm
        self._watch_worker_status_task = asyncio.ensure_future(self._watch_worker_status(comm))

    async def _await_workers(self, n_workers: int | None, seconds: float | None = None) -> None:
        """Wait until so many workers have joined the scheduler; with `None`, all that are wanted."""

        async def have_joined(verdict: Verdict) -> bool:
            scheduler: Any = self.scheduler_comm
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    joined = await scheduler.ncores_running()
            except OSError:  # it may be about to be replaced; its Pod tells more
                return False
            return len(joined) >= (verdict.workers_wanted if n_workers is None else n_workers)

        patience = self._session.options.wait_timeout if seconds is None else seconds
        lack = (
            f"But fewer than {'these' if n_workers is None else n_workers} have joined the scheduler. See the workers' "
            "logs, scale the cluster up, or wait for fewer."
        )
        await self._session.waiting(self._progress).until(have_joined, patience, lack)

    async def _collect(self, *, cluster: bool, scheduler: bool, workers: bool | Iterable[str]) -> Logs:
        logs = Logs()
        if cluster:
            logs["Cluster"] = Log("\n".join(line for _, line in self._cluster_manager_logs))
        found = await in_thread(partial(collected, self._session.resource, scheduler=scheduler, workers=workers))
        return Logs(logs | {pod: Log(log) for pod, log in found.items()})
