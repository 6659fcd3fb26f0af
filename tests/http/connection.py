"""Connections to test servers, through a kubeconfig like everyone's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from reconciler.api import HTTPAPI, Exchange, connect

TOKEN = "sesame-and-nobody-may-read-it"


def kubeconfig(path: Path, server: str, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
    """Write a kubeconfig file with one context, `test`. More: fields of the cluster."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "test", "user": {"token": TOKEN} if user is None else user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def connected(  # noqa: PLR0913 -- each has a name at the call
    kubeconfig: Path,
    *,
    read_timeout_seconds: float = 10.0,
    total_timeout_seconds: float = 30.0,
    compress: bool = True,
    watch_silence_seconds: float = 30.0,
    observe: Callable[[Exchange], None] | None = None,
) -> Iterator[HTTPAPI]:
    """An API whose connections are closed in the end."""
    api = connect(
        kubeconfig=str(kubeconfig),
        connect_timeout_seconds=5.0,
        read_timeout_seconds=read_timeout_seconds,
        total_timeout_seconds=total_timeout_seconds,
        user_agent="dask-reconciler/test",
        pool_size=4,
        compress=compress,
        watch_silence_seconds=watch_silence_seconds,
        observe=observe,
    )
    try:
        yield api
    finally:
        api.close()
