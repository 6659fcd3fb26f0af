"""The settings' Kubernetes, and the time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from reconciler import __version__
from reconciler.api import HTTPAPI, Exchange, connect
from reconciler.daemon.settings import Settings

SPARE_CONNECTIONS = 16
"""Beside those that write: for lists side by side, and for passes over a few trees."""


def now() -> datetime:
    """What time it is."""
    return datetime.now(UTC)


def steady_clock() -> Callable[[], datetime]:
    """A clock that starts with what time it is, and from then on runs evenly, whoever sets the machine's."""
    started_at, begun = now(), time.monotonic()
    return lambda: started_at + timedelta(seconds=time.monotonic() - begun)


def connected(settings: Settings, observe: Callable[[Exchange], None] | None = None) -> HTTPAPI:
    """The API that the settings name.

    Args:
        settings: The settings.
        observe: Called after every request.

    Raises:
        NoCluster: no cluster is configured, or wrongly.
    """
    return connect(
        context=settings.context or None,
        kubeconfig=settings.kubeconfig or None,
        connect_timeout_seconds=settings.connect_timeout,
        read_timeout_seconds=settings.read_timeout,
        total_timeout_seconds=settings.total_timeout,
        user_agent=f"dask-reconciler/{__version__}",
        pool_size=settings.parallel_writes + SPARE_CONNECTIONS,
        observe=observe,
    )
