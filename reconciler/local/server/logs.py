"""What `kubectl logs` reads: the files that containers write.

Containers write no times beside their lines. When something was written is known from when it was seen: the server
looks at all logs once a second, and notes how far they had grown.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from reconciler.local.server.node import Node
from reconciler.local.server.request import Request
from reconciler.memory import MemoryAPI
from reconciler.memory.refusals import bad_request, not_found
from reconciler.wire.protocol import Body

CHUNK = 1 << 20
LOOK_SECONDS = 0.1
MOST_MARKS = 4096
"""Times that are kept for each log."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class Times:
    """When what stands in logs was written, to within a second.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._marks: dict[Path, list[tuple[int, datetime]]] = {}

    def note(self, log: Path) -> None:
        """Note how far a log has grown by now."""
        try:
            found = log.stat()
        except FileNotFoundError:
            return
        marks = self._marks.setdefault(log, [])
        if marks and found.st_size < marks[-1][0]:  # it was emptied
            marks.clear()
        if len(marks) > MOST_MARKS:
            marks[: MOST_MARKS // 2] = marks[1 : MOST_MARKS // 2 : 2]  # what is old needs no such precision
        if found.st_size > (marks[-1][0] if marks else 0):
            marks.append((found.st_size, min(self._clock(), datetime.fromtimestamp(found.st_mtime, UTC))))

    def note_all(self, folder: Path) -> None:
        """Note how far all logs below a folder have grown."""
        for log in folder.glob("*/*/*.log"):
            self.note(log)

    def at(self, log: Path, offset: int) -> datetime:
        """When a line was written that ends there."""
        marks = self._marks.get(log, [])
        place = bisect_left(marks, offset, key=itemgetter(0))
        return marks[place][1] if place < len(marks) else self._clock()


@dataclass(frozen=True, slots=True)
class Reading:
    """How a log is read.

    Args:
        log: The file.
        follows: Whether what comes later is given, too.
        lines: How many of the last lines are given; `None` for all.
        since: From when on lines are given; `None` for all.
        stamped: Whether each line begins with its time.
        limit: How many bytes are given; `None` for all.
    """

    log: Path
    follows: bool
    lines: int | None
    since: datetime | None
    stamped: bool
    limit: int | None


def reading(api: MemoryAPI, node: Node, request: Request, now: datetime) -> Reading:
    """What a request for a log asks for.

    Raises:
        NotFound: there is no such Pod.
        Invalid: there is no such container, or it has not run yet.
    """
    pod = api.get(request.key)
    if pod is None:
        raise not_found(request.key)
    query = request.query
    since: datetime | None = None
    if seconds := query.get("sinceSeconds"):
        since = now - timedelta(seconds=int(seconds))
    elif text := query.get("sinceTime"):
        since = datetime.fromisoformat(text)
    container = _container(pod, query.get("container", ""))
    log = node.log(pod, container, _number(pod, container, previous=request.says("previous")))
    lines, limit = query.get("tailLines"), query.get("limitBytes")
    return Reading(
        log,
        request.says("follow"),
        None if lines is None else int(lines),
        since,
        request.says("timestamps"),
        None if limit is None else int(limit),
    )


async def read(wanted: Reading, times: Times, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """What stands in a log, and, if that is wanted, what comes later.

    Args:
        wanted: What is read, and how.
        times: When it was written.
        is_over: Whether nothing more comes, since the container has ended or the client is gone.
    """
    offset, left = _start(wanted), wanted.limit
    while True:
        was_over = not wanted.follows or is_over()
        times.note(wanted.log)
        while data := _next(wanted.log, offset, is_last=was_over):
            text = _rendered(wanted, times, data, offset)
            offset += len(data)
            if left is not None:
                text, left = text[:left], max(left - len(text), 0)
            if text:
                yield text
            if left == 0:
                return
        if was_over:
            return
        await asyncio.sleep(LOOK_SECONDS)
        if _size(wanted.log) < offset:  # it was emptied
            offset = 0


def has_ended(api: MemoryAPI, request: Request) -> Callable[[], bool]:
    """Tells whether the container whose log is read runs no more."""

    def state() -> Any:
        pod = api.get(request.key)
        if pod is None:
            return None
        status = _status(pod, _container(pod, request.query.get("container", "")))
        return (pod["metadata"]["uid"], status.get("restartCount", 0)) if "running" in status.get("state", {}) else None

    begun = state()
    return lambda: begun is None or state() != begun


def _container(pod: Body, name: str) -> str:
    """The container whose log is wanted.

    Raises:
        Invalid: there is none of that name, or none was named.
    """
    spec = pod["spec"]
    names = [one["name"] for one in (*spec.get("initContainers", ()), *spec["containers"])]
    main = [one["name"] for one in spec["containers"]]
    wanted = name or (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER, "")
    if wanted in names:
        return wanted
    if not wanted and len(main) == 1:
        return str(main[0])
    pod_name = pod["metadata"]["name"]
    if wanted:
        raise bad_request(f"container {wanted} is not valid for pod {pod_name}")
    raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: [{' '.join(main)}]")


def _number(pod: Body, container: str, *, previous: bool) -> int:
    """Which of a container's lives is meant.

    Raises:
        Invalid: there was none yet.
    """
    status, name = _status(pod, container), pod["metadata"]["name"]
    number: int = status.get("restartCount", 0)
    waiting = (status.get("state") or {}).get("waiting")
    has_run = not waiting or number or (status.get("lastState") or {}).get("terminated")
    if not status or not has_run:
        why = (waiting or {}).get("reason") or "ContainerCreating"
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')
    if previous and not waiting:
        number -= 1
    if number < 0 or (previous and not (status.get("lastState") or {}).get("terminated")):
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    return number


def _status(pod: Body, container: str) -> Body:
    status = pod.get("status", {})
    both = (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ()))
    return next((one for one in both if one["name"] == container), {})


def _start(wanted: Reading) -> int:
    """Where the lines begin that are wanted."""
    if wanted.lines is None:
        return 0
    try:
        data = wanted.log.read_bytes()
    except FileNotFoundError:
        return 0
    ends = data.split(b"\n")
    whole = len(ends) - (not ends[-1])
    return sum(len(line) + 1 for line in ends[: max(whole - wanted.lines, 0)])


def _next(log: Path, offset: int, *, is_last: bool) -> bytes:
    """The next whole lines of a log; of one that has ended, or whose lines never end, what there is."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            data = file.read(CHUNK)
    except FileNotFoundError:
        return b""
    whole = data.rfind(b"\n") + 1
    return data if is_last or (len(data) == CHUNK and not whole) else data[:whole]


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def _rendered(wanted: Reading, times: Times, data: bytes, offset: int) -> bytes:
    """Lines as they are given."""
    if not wanted.stamped and wanted.since is None:
        return data
    given = []
    for line in _lines(data):
        offset += len(line)
        time = times.at(wanted.log, offset)
        if wanted.since is None or time >= wanted.since:
            given.append(_stamp(time, offset) + line if wanted.stamped else line)
    return b"".join(given)


def _lines(data: bytes) -> list[bytes]:
    """Lines that end with newlines alone: what a progress bar draws over itself is one."""
    whole = [line + b"\n" for line in data.split(b"\n")]
    return [*whole[:-1], *([whole[-1][:-1]] if whole[-1] != b"\n" else [])]


def _stamp(time: datetime, offset: int) -> bytes:
    """A line's time; its place in the file stands for the nanoseconds, so that no two lines have the same."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{offset % 10**9:09d}Z ".encode()
