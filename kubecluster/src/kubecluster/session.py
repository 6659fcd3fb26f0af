"""A program's hold on one cluster: from finding or making it until it is let go."""

import asyncio

from kubecluster import starting
from kubecluster.access import Access
from kubecluster.api import Body
from kubecluster.diagnosis.sight import items
from kubecluster.lifetime import Lifetime
from kubecluster.options import Options
from kubecluster.progress import Progress
from kubecluster.resource import ClusterResource
from kubecluster.threads import in_thread
from kubecluster.waiting import Waiting, has_scheduler


class Session:
    """A program's hold on one cluster.

    Args:
        options: Which cluster, and what to do about it.

    Attributes:
        options: The same.
        body: Its DaskCluster, as it was seen last; empty until then.
        access: The way to its scheduler; `None` before and after.
        has_joined: Whether the cluster was there already.

    Raises:
        NoKubernetes: none is there, or it cannot be used.
        WrongContext: there is no such context.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._kubernetes = starting.connected(options)
        self._found: ClusterResource | None = None
        self._is_closed = False
        self.body: Body = {}
        self.access: Access | None = None
        self.has_joined = False
        self._lifetime: Lifetime | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def resource(self) -> ClusterResource:
        """The cluster.

        Raises:
            RuntimeError: it was not found or made yet, or was let go.
        """
        if self._is_closed:
            raise RuntimeError(f"The KubeCluster {self.options.name} is closed. Make another, or use from_name.")
        if self._found is None:
            raise RuntimeError(f"The KubeCluster {self.options.name} is not started yet. Await it first.")
        return self._found

    @property
    def namespace(self) -> str:
        """The namespace that it is in, or will be."""
        return self.options.namespace or self._kubernetes.namespace

    @property
    def cluster_name(self) -> str:
        """What the DaskCluster is called; empty until that is known."""
        return self._found.name if self._found else ""

    @property
    def owns(self) -> bool:
        """Whether the cluster's end is ours."""
        return self._lifetime is not None

    async def begin(self, progress: Progress) -> str:
        """Find or make the cluster, and wait until its scheduler is reached; its address.

        Args:
            progress: Where to show how it goes.

        Raises:
            NotReady: it does not become ready.
            KubeClusterError: Kubernetes refuses, or the scheduler cannot be reached.
        """
        found = await starting.find_or_make(self._kubernetes, self.options, progress)
        self._found, self.body, self.has_joined = found.resource, found.body, not found.is_made
        self._lifetime = starting.lifetime_of(found, self.options)
        if self._lifetime is not None:
            self._beating = asyncio.ensure_future(_beat(self._lifetime))
        sight = await self.waiting(progress).until(has_scheduler, self.options.wait_timeout)
        self.body = sight.cluster or self.body
        self.access = await starting.reach(self.resource, self.options, self.body)
        return self.access.address

    def waiting(self, progress: Progress) -> Waiting:
        """A wait for the cluster."""
        return Waiting(self.resource, progress, self.options.resource_timeout)

    @property
    def has_jupyter(self) -> bool:
        """Whether Jupyter runs beside the scheduler."""
        containers = items(self.body, "spec", "scheduler", "spec", "containers")
        return any("--jupyter" in (one.get("args") or ()) for one in containers)

    def check(self) -> None:
        """Make sure that there is a cluster to ask.

        Raises:
            RuntimeError: it was not found or made yet, or was let go.
        """
        _ = self.resource

    def take(self) -> None:
        """Delete the cluster at the end, although it was to stay."""
        self._lifetime = Lifetime(self.resource, self.body, 0)

    def keep(self) -> None:
        """Leave the cluster there at the end, although we have made it."""
        lifetime, self._lifetime = self._lifetime, None
        if lifetime is not None:
            lifetime.release()

    async def end(self, timeout_seconds: float) -> None:
        """Let go of the cluster, and delete it if it is ours.

        Args:
            timeout_seconds: For how long to wait until it is gone.

        Raises:
            TimeoutError: it is not gone by then.
            KubeClusterError: it could not be deleted; ending again tries again.
        """
        try:
            if self._beating is not None:
                self._beating.cancel()
                await asyncio.gather(self._beating, return_exceptions=True)
            if self._lifetime is not None and self._found is not None:
                waiting = Waiting(self._found, Progress("", quiet=True), self.options.resource_timeout)
                await waiting.through_hiccups(self._lifetime.end, timeout_seconds)
                self._lifetime = None
                await waiting.until_gone(timeout_seconds)
        finally:
            self._is_closed = True
            await in_thread(self._let_go)

    def _let_go(self) -> None:
        access, self.access = self.access, None
        if access is not None:
            access.close()
        self._kubernetes.close()


async def _beat(lifetime: Lifetime) -> None:
    """Give signs of life, as long as they are of use; the first at once, since that of the manifest is by our clock."""
    while (pause := lifetime.pause_seconds) is not None:
        if not await in_thread(lifetime.renew):
            return
        await asyncio.sleep(pause)
