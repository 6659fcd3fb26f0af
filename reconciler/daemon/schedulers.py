"""Who asks Dask schedulers, as the settings say, and what is asked of Kubernetes for that."""

from collections.abc import Callable, Mapping
from functools import partial

from models.kinds import SECRET, Key
from reconciler.api import HTTPAPI, is_in_pod
from reconciler.daemon.connection import now
from reconciler.daemon.settings import Settings
from reconciler.dask.asking import Schedulers
from reconciler.dask.certificates import Certificates, data_of
from reconciler.dask.connection import Called
from reconciler.dask.reach import Reach
from reconciler.dask.workers import ask


def schedulers_of(
    settings: Settings,
    api: HTTPAPI,
    *,
    changed: Callable[[Key], None] = lambda _: None,
    called: Called = lambda _: None,
) -> Schedulers | None:
    """Who asks them; `None` if nobody does.

    Args:
        settings: Whether they are asked, and how they are reached.
        api: Reads Secrets, and forwards ports of Pods.
        changed: Told of the tree of a cluster whose answer lets it go on.
        called: Told of each request to a scheduler.
    """
    if settings.no_dask:
        return None

    def secret(namespace: str, name: str) -> Mapping[str, bytes]:
        return data_of(api.get(Key(SECRET, namespace, name)))

    is_direct = settings.dask_through == "pods" or (
        settings.dask_through == "auto" and is_in_pod(settings.context, settings.kubeconfig)
    )
    reach = Reach(Certificates(secret), None if is_direct else api.forward)
    return Schedulers(partial(ask, reach=reach, called=called), now, changed=changed)
