"""Namespaces that are to be looked after and do not exist, which their lists do not tell: they are empty."""

import json
from collections.abc import Iterable

import structlog

from models.kinds import NAMESPACE
from reconciler.passes.values import PassResult
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


class NamespaceLog:
    """Logs which of the namespaces do not exist; called with each pass.

    - Each gets a line when that is found and a line when it is there.
    - One that exists, or may not be seen, is not asked for again.

    Args:
        api: The API to ask.
        namespaces: The namespaces to look after.
    """

    def __init__(self, api: API, namespaces: Iterable[str]) -> None:
        self._api = api
        self._asked = frozenset(namespaces)
        self._absent: frozenset[str] = frozenset()
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")

    def __call__(self, result: PassResult) -> None:
        """Ask for those of which it is not known that they exist, where a pass over everything could read."""
        if not self._asked or result.coverage.trees is not None or result.snapshot is None:
            return
        try:
            now = absent(self._api, self._asked - {key.namespace for key in result.snapshot.objects})
        except ApiError:
            return
        for name in sorted(now - self._absent):
            self._log.warning("namespace.absent", key=name, message=told(name))
        for name in sorted(self._absent - now):
            self._log.info("namespace.absent.over", key=name)
        self._asked = self._absent = now
