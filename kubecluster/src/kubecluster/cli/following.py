"""The logs of several Pods at once, also of those that come later."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kubecluster.api import Body, Kubernetes
from kubecluster.diagnosis.sight import items, name_of, number, read, text
from kubecluster.errors import KubeClusterError
from kubecluster.main_container import main_container

LOOK_SECONDS = 2.0
MOST_WAITING = 1000
"""How many lines may wait to be written: whoever reads slowly slows down who fetches."""
NOT_BEGUN = "There is no log yet: the container has not begun."

Pods = Callable[[], Sequence[Body]]


@dataclass(frozen=True, slots=True)
class Piece:
    """Something from one Pod's thread.

    Args:
        pod: Its name.
        line: A line of its log; `None` at its end.
    """

    pod: str
    line: str | None


def last(kubernetes: Kubernetes, pod: Body, tail: int | None) -> list[str]:
    """The last lines of a Pod's log; or why there are none.

    Args:
        kubernetes: Where it is.
        pod: The Pod.
        tail: How many lines; all by default.
    """
    container = main_container(pod)
    if not has_begun(pod, container):
        return [NOT_BEGUN]
    namespace = text(pod, "metadata", "namespace")
    try:
        return kubernetes.log(namespace, name_of(pod), container=container, tail_lines=tail).splitlines()
    except KubeClusterError as error:
        return [f"The log cannot be had: {error}"]


def follow_all(kubernetes: Kubernetes, pods: Pods, tail: int | None = None) -> Iterator[tuple[str, str]]:
    """The lines of Pods' logs as they come, each with its Pod's name, until there are no Pods any more.

    Args:
        kubernetes: Where they are.
        pods: Finds them; asked again and again.
        tail: Of each, the last lines alone, and what comes then; all by default. Of one that comes later, all.
    """
    pieces: queue.Queue[Piece] = queue.Queue(MOST_WAITING)
    followed: set[str] = set()
    running, looked_at, is_first = 0, float("-inf"), True
    while True:
        if time.monotonic() - looked_at >= LOOK_SECONDS:
            looked_at = time.monotonic()
            found = pods()
            for pod in found:
                if (life := _life(pod)) and life not in followed:
                    _start(kubernetes, pod, pieces, tail if is_first else None)
                    followed.add(life)
                    running += 1
            is_first = False
            if not running and not any(_may_come(pod) for pod in found):
                return
        try:
            one = pieces.get(timeout=LOOK_SECONDS / 4)
        except queue.Empty:
            continue
        if one.line is None:
            running -= 1
            looked_at = float("-inf") if not running else looked_at
        else:
            yield one.pod, one.line


def has_begun(pod: Body, container: str) -> bool:
    """Whether a Pod's container has ever run, so that there is a log."""
    status = _status(pod, container)
    is_or_was = any(isinstance(read(status, "state", each), dict) for each in ("running", "terminated"))
    return is_or_was or number(status, "restartCount") > 0


def _status(pod: Body, container: str) -> Body:
    statuses = items(pod, "status", "containerStatuses")
    return next((one for one in statuses if text(one, "name") == container), {})


def _life(pod: Body) -> str:
    """A container in one of its lives; empty if it has had none yet."""
    container = main_container(pod)
    restarts = number(_status(pod, container), "restartCount")
    return f"{text(pod, 'metadata', 'uid')} {restarts}" if has_begun(pod, container) else ""


def _may_come(pod: Body) -> bool:
    """Whether a Pod may write something later: its container has not ended for good."""
    if text(pod, "status", "phase") in ("Succeeded", "Failed") or text(pod, "metadata", "deletionTimestamp"):
        return False
    return read(_status(pod, main_container(pod)), "state", "terminated") is None or (
        text(pod, "spec", "restartPolicy") != "Never"
    )


def _start(kubernetes: Kubernetes, pod: Body, pieces: "queue.Queue[Piece]", tail: int | None) -> None:
    name, namespace, container = name_of(pod), text(pod, "metadata", "namespace"), main_container(pod)

    def run() -> None:
        try:
            skipped = 0
            if tail is not None:
                skipped = kubernetes.log(namespace, name, container=container).count("\n") - tail
            for number_, line in enumerate(kubernetes.follow_log(namespace, name, container=container)):
                if number_ >= skipped:
                    pieces.put(Piece(name, line))
        except KubeClusterError as error:
            pieces.put(Piece(name, f"The log cannot be had: {error}"))
        finally:
            pieces.put(Piece(name, None))

    threading.Thread(target=run, name=f"log of {name}", daemon=True).start()
