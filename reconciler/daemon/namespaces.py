"""Namespaces that are to be looked after and do not exist, which their lists do not tell: they are empty."""

import json
from collections.abc import Iterable
from contextlib import suppress

import structlog

from models.kinds import NAMESPACE
from reconciler.wire.errors import ApiError, Forbidden
from reconciler.wire.protocol import API


def absent(api: API, namespaces: Iterable[str]) -> frozenset[str]:
    """Those of the namespaces that do not exist, as far as one may know.

    Raises:
        ApiError: the server does not say.
    """
    try:
        lists = {name: api.list(NAMESPACE, None, fields=f"metadata.name={name}") for name in sorted(namespaces)}
        return frozenset(name for name, found in lists.items() if not json.loads(found)["items"])
    except (Forbidden, ValueError, KeyError):
        return frozenset()


def told(namespace: str) -> str:
    """That there is no such namespace, and what to do."""
    return f"There is no namespace {namespace}. Create it with `kubectl create namespace {namespace}`, or name another."


def tell_absent(api: API, namespaces: Iterable[str]) -> None:
    """Log which of the namespaces do not exist, as far as the server says."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")
    with suppress(ApiError):  # what fails here fails in the first pass, too, and is told there
        for name in sorted(absent(api, namespaces)):
            log.warning("namespace.absent", key=name, message=told(name))
