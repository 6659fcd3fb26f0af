"""From arguments to a running cluster: finds it or makes it, and waits until its scheduler is reached."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from kubecluster import lifetime, own_pod
from kubecluster.access import Access
from kubecluster.api import Body, Kubernetes, connect
from kubecluster.diagnosis.sight import is_going
from kubecluster.errors import AlreadyExists, ClusterNotFound, ForwardFailed, KubeClusterError, NoCertificates
from kubecluster.lifetime import Lifetime
from kubecluster.names import NAMING
from kubecluster.options import CreateMode, Options
from kubecluster.progress import Progress
from kubecluster.resource import ClusterResource, now
from kubecluster.threads import in_thread
from kubecluster.waiting import Waiting

KNOCK_SECONDS = 10.0
"""How long one try to reach the scheduler may take."""
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Found:
    """A cluster that is there.

    Args:
        resource: It.
        body: Its DaskCluster.
        is_made: Whether this program has made it.
        pod_uid: The uid of the program's Pod, if it goes with that; empty otherwise.
    """

    resource: ClusterResource
    body: Body
    is_made: bool
    pod_uid: str = ""


def connected(options: Options) -> Kubernetes:
    """The Kubernetes that the arguments name."""
    return connect(context=options.context, kubeconfig=options.kubeconfig)


async def find_or_make(kubernetes: Kubernetes, options: Options, progress: Progress) -> Found:
    """The cluster that the arguments mean: one that exists, or else a new one; as `create_mode` says.

    Raises:
        AlreadyExists: there is one, and there should be none.
        ClusterNotFound: there is none, and there should be one.
        KubeClusterError: Kubernetes refuses it.
    """
    namespace = options.namespace or kubernetes.namespace
    named = partial(ClusterResource, kubernetes, namespace)
    is_new = options.create_mode is CreateMode.CREATE_ONLY
    for name in (options.names.cluster,) if is_new else options.candidates:
        resource = named(name)
        body = await in_thread(resource.find)
        if body is not None and is_going(body) and options.create_mode is not CreateMode.CONNECT_ONLY:
            await Waiting(resource, progress, options.resource_timeout).until_gone(options.resource_timeout)
            body = None
        if body is not None:
            if is_new:
                raise AlreadyExists(
                    f"There is a DaskCluster {resource} already, and create_mode is CREATE_ONLY. Choose another name, "
                    "or set create_mode to CREATE_OR_CONNECT to join it."
                )
            return Found(resource, body, is_made=False)
    if options.create_mode is CreateMode.CONNECT_ONLY:
        await in_thread(partial(kubernetes.refuse_absent, namespace))
        tried = " and no ".join(str(named(name)) for name in options.candidates)
        raise ClusterNotFound(
            f"There is no DaskCluster {tried}. `kubectl get daskclusters --all-namespaces` lists those that there are; "
            "with create_mode CREATE_OR_CONNECT, one is made."
        )
    resource = named(options.names.cluster)
    try:
        return await _make(resource, options)
    except AlreadyExists:
        if is_new:
            raise
    return Found(resource, await in_thread(resource.read), is_made=False)  # somebody else was quicker


async def reach(resource: ClusterResource, options: Options, body: Body) -> Access:
    """The way to a cluster's scheduler, which is ready; somebody answers there.

    Raises:
        ForwardFailed: nobody does.
        NoCertificates: the scheduler speaks TLS, and there are none for it.
    """
    opening = partial(Access, resource, body, options.port_forward, options.scheduler_forward_port or 0)
    access = await in_thread(opening)
    try:
        await _answers(access, options.resource_timeout)
    except BaseException:
        await in_thread(access.close)
        raise
    return access


async def _make(resource: ClusterResource, options: Options) -> Found:
    body = options.manifest()
    metadata: dict[str, Any] = body.setdefault("metadata", {})
    shuts_down = options.shutdown_on_close is not False
    signs = lifetime.marks(options.owner_timeout, now()) if shuts_down else {}
    metadata["annotations"] = {NAMING: str(options.naming), **(metadata.get("annotations") or {}), **signs}
    pod = await in_thread(partial(own_pod.reference, resource, options.owner_timeout)) if shuts_down else None
    if pod is not None:
        metadata["ownerReferences"] = [*(metadata.get("ownerReferences") or ()), pod]
    making = asyncio.ensure_future(in_thread(partial(resource.create, body)))
    try:
        return Found(resource, await asyncio.shield(making), is_made=True, pod_uid=pod["uid"] if pod else "")
    except asyncio.CancelledError:
        # The request is on its way: what comes of it has nobody who would delete it.
        with suppress(KubeClusterError):
            made = await making
            if shuts_down:
                await in_thread(partial(resource.delete, uid=made["metadata"]["uid"]))
        raise


def lifetime_of(found: Found, options: Options) -> Lifetime | None:
    """The end of a cluster, if that is ours."""
    is_ours = found.is_made if options.shutdown_on_close is None else options.shutdown_on_close
    if not is_ours:
        return None
    return Lifetime(found.resource, found.body, options.owner_timeout if found.is_made else 0, found.pod_uid)


def connection_args(address: str) -> dict[str, Any]:
    """What distributed takes to connect to a scheduler, as a Client does: the certificates in Dask's configuration.

    Raises:
        NoCertificates: the scheduler speaks TLS, and the configuration has none.
    """
    from distributed.security import Security  # noqa: PLC0415  # it brings all of distributed with it

    found: dict[str, Any] = Security().get_connection_args("client")
    if address.startswith("tls://") and found.get("ssl_context") is None:
        raise NoCertificates(
            f"The scheduler speaks TLS at {address}, and Dask's configuration has no certificates for it: set "
            "distributed.comm.tls.ca-file, and cert and key of distributed.comm.tls.client."
        )
    return found


async def _answers(access: Access, seconds: float) -> None:
    """Wait until the scheduler answers."""
    from distributed.core import rpc  # noqa: PLC0415  # it brings all of distributed with it

    arguments = connection_args(access.address)
    deadline = time.monotonic() + seconds
    while True:
        scheduler: Any = rpc(access.address, connection_args=arguments)
        try:
            async with asyncio.timeout(KNOCK_SECONDS):
                await scheduler.versions()
        except (OSError, TimeoutError) as error:
            if time.monotonic() >= deadline:
                raise ForwardFailed(
                    f"The scheduler is ready, but does not answer at {access.address} within {seconds:g} s: "
                    f"{access.last_error or str(error) or type(error).__name__}."
                ) from error
        else:
            return
        finally:
            await scheduler.close_rpc()
        await asyncio.sleep(PAUSE_SECONDS)
