"""Waiting for a cluster, without hanging: looks, judges, shows, and gives up with a reason.

Waiting ends at once if it is of no use. Trouble that may pass, such as no room on any node, is borne with for a while;
what only takes its time, such as an image that is being pulled, for longer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from kubecluster.api import Body
from kubecluster.diagnosis import Sight, Verdict, diagnose, error
from kubecluster.diagnosis.absence import UNSEEN_AFTER
from kubecluster.diagnosis.sight import is_going
from kubecluster.errors import NotReady, RequestFailed, Unreachable
from kubecluster.logs import last_words
from kubecluster.progress import Progress, rows
from kubecluster.resource import ClusterResource, now
from kubecluster.threads import in_thread

LOOK_SECONDS = 0.5
EVENTS_SECONDS = 2.0
"""How often to look, and how often at the Events, which may be many."""


class Patience:
    """For how long to wait.

    Args:
        trouble_seconds: How long trouble may last that may pass.
        whole_seconds: How long it may take in all.
    """

    def __init__(self, trouble_seconds: float, whole_seconds: float) -> None:
        self._trouble_seconds = trouble_seconds
        self._whole_seconds = whole_seconds
        self._began: float | None = None
        self._trouble_since: float | None = None

    def is_over(self, seconds: float, *, passes: bool, is_final: bool = False) -> bool:
        """Whether to give up.

        Args:
            seconds: The time, by any clock.
            passes: Whether what is waited for only takes its time.
            is_final: Whether waiting longer is of no use.
        """
        self._began = seconds if self._began is None else self._began
        if passes:
            self._trouble_since = None
        elif self._trouble_since is None:
            self._trouble_since = seconds
        troubled = 0.0 if self._trouble_since is None else seconds - self._trouble_since
        return is_final or troubled >= self._trouble_seconds or seconds - self._began >= self._whole_seconds


class Waiting:
    """A wait for one cluster.

    Args:
        resource: The cluster.
        progress: Where to show how it goes.
        trouble_seconds: How long trouble may last that may pass.
    """

    def __init__(self, resource: ClusterResource, progress: Progress, trouble_seconds: float) -> None:
        self._resource = resource
        self._progress = progress
        self._trouble_seconds = trouble_seconds
        # Who has less patience than it takes to see that nobody acts, is told so as soon.
        self._first = now() - max(timedelta(0), UNSEEN_AFTER - timedelta(seconds=trouble_seconds))
        self._began = time.monotonic()
        self._events: tuple[Body, ...] = ()
        self._events_at = float("-inf")

    async def until(
        self, is_enough: Callable[[Verdict], Awaitable[bool]], whole_seconds: float, lack: str = ""
    ) -> Sight:
        """Wait until it is enough; what was seen then.

        Args:
            is_enough: Whether it is, by what is thought of the cluster.
            whole_seconds: For how long to wait.
            lack: What there is to say if it is not, although all Pods are ready.

        Raises:
            NotReady: it will not be, or not in time; the message says why, and what to do.
            KubeClusterError: Kubernetes cannot be asked.
        """
        patience = Patience(self._trouble_seconds, whole_seconds)
        while True:
            sight = await self._look(patience)
            if sight is not None:
                verdict = diagnose(self._first, sight)
                self._progress.show(rows(sight, verdict))
                if await is_enough(verdict):
                    return sight
                passes = verdict.passes or verdict.failure is None
                if patience.is_over(time.monotonic(), passes=passes, is_final=verdict.is_final):
                    raise await self._failure(sight, verdict, lack)
            await asyncio.sleep(LOOK_SECONDS)

    async def _failure(self, sight: Sight, verdict: Verdict, lack: str) -> NotReady:
        """The error that a verdict becomes, with what Kubernetes and the container said last."""
        verdict = verdict if verdict.failure else replace(verdict, remedy=lack)
        log = await in_thread(partial(last_words, self._resource, verdict.pod)) if verdict.pod else ()
        waited = time.monotonic() - self._began
        return error(verdict, str(self._resource), waited, log, sight.events)

    async def through_hiccups(self, step: Callable[[], None], whole_seconds: float) -> None:
        """Take a step, and take it again if Kubernetes is out of reach for the moment; it must do no harm twice.

        Raises:
            KubeClusterError: it cannot be taken, or not in time.
        """
        deadline = time.monotonic() + whole_seconds
        while True:
            try:
                await in_thread(step)
            except Unreachable:
                if time.monotonic() >= deadline:
                    raise
            else:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def until_gone(self, whole_seconds: float) -> None:
        """Wait until the DaskCluster, which somebody has deleted, does not exist any more.

        Raises:
            TimeoutError: it still does.
            KubeClusterError: Kubernetes cannot be asked.
        """
        patience = Patience(self._trouble_seconds, whole_seconds)
        while True:
            at = time.monotonic()
            try:
                body = await in_thread(self._resource.find)
            except (Unreachable, RequestFailed):
                if patience.is_over(at, passes=False):
                    raise
            else:
                if body is None or not is_going(body):  # another one of that name is no longer this one
                    return
                if patience.is_over(at, passes=True):
                    raise _still_there(self._resource, body, whole_seconds)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, patience: Patience) -> Sight | None:
        """What there is to see; `None` if Kubernetes is out of sight for the moment."""
        at = time.monotonic()
        with_events = at - self._events_at >= EVENTS_SECONDS
        try:
            sight = await in_thread(partial(self._resource.sight, with_events=with_events))
        except (Unreachable, RequestFailed):
            if patience.is_over(at, passes=False):
                raise
            return None
        if with_events:
            self._events, self._events_at = sight.events, at
        return replace(sight, events=self._events)


async def has_scheduler(verdict: Verdict) -> bool:
    """Whether clients can connect, which is enough to wait for."""
    return verdict.scheduler_ready


def _still_there(resource: ClusterResource, body: Body, seconds: float) -> TimeoutError:
    finalizers = ", ".join((body.get("metadata") or {}).get("finalizers") or ()) or "none"
    return TimeoutError(
        f"The DaskCluster {resource} is being deleted, but still exists after {seconds:g} s. Its finalizers are: "
        f"{finalizers}. An operator that set one must run to take it away."
    )
