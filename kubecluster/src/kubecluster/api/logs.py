"""A container's log as it grows."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kubecluster.api import requests
from kubecluster.api.connection import TROUBLE, Connection, chunks
from kubecluster.api.paths import path
from kubecluster.api.refusals import BUSY, Answer, refusal
from kubecluster.api.requests import Body, Request
from kubecluster.errors import RequestFailed, Unreachable

SILENT_SECONDS = 60.0
"""A stream that is silent for so long is opened again: that it is dead would not show otherwise."""
PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)
OVERLAP = timedelta(seconds=1)
OK = 200
SECOND = len("2026-01-01T00:00:00")


class Seen:
    """Which lines were handed on, so that a stream that is opened again repeats none.

    Kubernetes is asked for the log from a second on, and that second's lines come again. They are told by their
    timestamps, which have nanoseconds, and their text; equal ones are counted. Lines of two streams may be a little out
    of order, so the second before belongs to it.
    """

    def __init__(self) -> None:
        self._recent: dict[str, Counter[bytes]] = {}  # by second
        self._again: Counter[bytes] = Counter()
        self.since = ""

    def resume(self) -> None:
        """From here on, what was seen may come again."""
        self._again = sum(self._recent.values(), Counter())

    def is_new(self, line: bytes) -> bool:
        """Whether a line, with its timestamp, is to be handed on."""
        if self._again[line]:
            self._again[line] -= 1
            return False
        moment = _second(line)
        if moment is not None:
            self._note(moment, line)
        return True

    def _note(self, moment: datetime, line: bytes) -> None:
        since = _written(moment - OVERLAP)
        if since > self.since:
            self.since = since
            self._recent = {second: lines for second, lines in self._recent.items() if second >= since}
        if (second := _written(moment)) >= self.since:
            self._recent.setdefault(second, Counter())[line] += 1


class FollowedLog:
    """A container's log as it grows, across streams that break.

    Args:
        connection: the way to the API server.
        get: reads an object.
        namespace: where the Pod is.
        pod: its name.
        container: which container; the first by default.
        patience_seconds: how long it may be impossible to open a stream again.
    """

    def __init__(  # noqa: PLR0913 -- what is followed, and with what
        self,
        connection: Connection,
        get: Callable[[str], Body],
        *,
        namespace: str,
        pod: str,
        container: str,
        patience_seconds: float,
    ) -> None:
        self._connection = connection
        self._get = get
        self._pod = path("pods", namespace, pod, group="")
        self._log = path("pods", namespace, pod, group="", subresource="log")
        self._container = container
        self._patience_seconds = patience_seconds
        self._seen = Seen()
        self._began = False
        self._failures = 0
        self._well_at = time.monotonic()

    def lines(self) -> Iterator[str]:
        """The lines, from the first on and as they come, until the container ends."""
        body = self._get(self._pod)
        self._container = self._container or body["spec"]["containers"][0]["name"]
        identity = _status(body, self._container).get("containerID")
        is_over = False
        while True:
            try:
                is_whole = yield from self._stream()
                if is_over and is_whole:  # it was over before this stream began, so that nothing can be missing
                    return
                is_over = is_over or self._is_over(identity)
            except Unreachable:
                if time.monotonic() - self._well_at > self._patience_seconds:
                    raise
            except RequestFailed:
                if self._began:  # the Pod is gone, or its container is, and the log with it
                    return
                raise
            time.sleep(PAUSES[min(self._failures, len(PAUSES) - 1)])
            self._failures += 1

    def _stream(self) -> Generator[str, None, bool]:
        """The new lines of one stream; whether it came to its end rather than broke.

        Raises:
            Unreachable: it could not be opened; it may be possible later.
            RequestFailed: it could not, and will not be.
        """
        self._seen.resume()
        asked = requests.reading(
            self._log, container=self._container, follow="true", timestamps="true", sinceTime=self._seen.since
        )
        deadline = time.monotonic() + self._patience_seconds
        with self._connection.opened(asked, deadline, silent_seconds=SILENT_SECONDS) as response:
            self._check(response, asked)
            self._began, self._well_at = True, time.monotonic()
            rest = b""
            try:
                for chunk in chunks(response):
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in filter(self._seen.is_new, lines):
                        self._failures = 0
                        yield _text(line)
            except TROUBLE:
                return False  # a line that it cut comes again
            self._well_at = time.monotonic()
            if rest and self._seen.is_new(rest):
                yield _text(rest)
            return True

    def _check(self, response: Any, asked: Request) -> None:
        if response.status == OK:
            return
        error = refusal(Answer(response.status, response.read()), asked, str(self._connection.found))
        raise Unreachable(str(error)) if response.status in BUSY else error

    def _is_over(self, identity: str | None) -> bool:
        """Whether the container that had this identity no longer runs."""
        try:
            status = _status(self._get(self._pod), self._container)
        except RequestFailed:
            return True  # the Pod is gone
        return "running" not in status.get("state", {}) or status.get("containerID") != identity


def _status(pod: Body, container: str) -> Body:
    """What a Pod's status says of a container."""
    status = pod.get("status", {})
    statuses = (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ()))
    return next((one for one in statuses if one["name"] == container), {})


def _text(line: bytes) -> str:
    """A line without its timestamp, if it has one."""
    text = line.partition(b" ")[2] if _second(line) else line
    return text.decode(errors="replace")


def _second(line: bytes) -> datetime | None:
    """The second of a line's timestamp."""
    stamp = line.partition(b" ")[0]
    try:
        found = datetime.fromisoformat(stamp[:SECOND].decode())
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if len(stamp) > SECOND else None


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
