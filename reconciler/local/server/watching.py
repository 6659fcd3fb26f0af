"""A watch over HTTP: what there is, if that is asked for, and then each change, one JSON document a line."""

import json
import time
from collections.abc import AsyncIterator, Callable

from reconciler.local.server.news import News
from reconciler.local.server.objects import Objects, selected_fields
from reconciler.local.server.refused import status_of
from reconciler.local.server.request import Request
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body, EventType

BOOKMARK_SECONDS = 60.0
LONGEST_SECONDS = 3600
INITIAL = "k8s.io/initial-events-end"
"""Marks the bookmark after all that was there in the beginning."""


async def watched(
    api: MemoryAPI, objects: Objects, news: News, request: Request, is_over: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The lines of a watch, until its time is over or the client is gone.

    Args:
        api: The API.
        objects: Brings objects into the form that is wanted.
        news: Tells of changes.
        request: What is watched, and in which form.
        is_over: Whether the client is gone.

    Raises:
        ApiError: it cannot begin.
    """
    query, seconds = request.query, seconds_of(request)
    deadline, takes_bookmarks = time.monotonic() + seconds, request.says("allowWatchBookmarks")
    version = query.get("resourceVersion", "")
    if version in ("", "0") or request.says("sendInitialEvents"):
        items, version = objects.whole(request)
        for item in items:
            yield _line(EventType.ADDED, objects.shown(request, item))
        if request.says("sendInitialEvents") and takes_bookmarks:
            yield _bookmark(objects, request, version, {INITIAL: "true"})
    try:
        watch = api.watch(
            request.resource.kind,
            request.namespace or None,
            version=version,
            labels=query.get("labelSelector", ""),
            fields=selected_fields(request),
            timeout_seconds=seconds,
        )
        told_at = time.monotonic()
        while not is_over():
            revision = api.revision
            for type_, body in watch.poll():
                yield _line(type_, objects.shown(request, body))
            now = time.monotonic()
            if takes_bookmarks and (now - told_at >= BOOKMARK_SECONDS or now >= deadline):
                told_at = now
                yield _bookmark(objects, request, str(revision), {})
            if now >= deadline:
                return
            await news.after(revision, min(BOOKMARK_SECONDS, deadline - now))
    except ApiError as error:  # the version is too old, now or from the beginning
        yield _line("ERROR", status_of(error, None))


def seconds_of(request: Request) -> int:
    """How long a watch lasts.

    Raises:
        ValueError: what is asked for is no number.
    """
    return min(int(request.query.get("timeoutSeconds") or LONGEST_SECONDS), LONGEST_SECONDS)


def _bookmark(objects: Objects, request: Request, version: str, annotations: dict[str, str]) -> bytes:
    kind = request.resource.kind
    meta: Body = {"name": "", "namespace": "", "resourceVersion": version, "creationTimestamp": None}
    meta |= {"annotations": annotations} if annotations else {}
    body = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": meta}
    if request.form == "Table":
        body = {**objects.empty_table(request, version), "metadata": meta}
    return _line(EventType.BOOKMARK, body)


def _line(type_: str, body: Body) -> bytes:
    return json.dumps({"type": str(type_), "object": body}, separators=(",", ":")).encode() + b"\n"
