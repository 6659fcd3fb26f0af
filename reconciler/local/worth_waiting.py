"""What a run waits for although it is ready, since it may not stay so; and for which Pods waiting longer is hopeless.

A container without a probe is ready as soon as its process exists, so that says little:

    a container                           counts once it has run for
    that has a readiness probe            no time: the probe has looked
    that has none                         5 s
    that was started again                longer than before it ended, but 5 s at least and a minute at most

One that has ended three times, and waits to be started again, makes waiting longer hopeless.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from reconciler.wire.protocol import Body

SETTLING = timedelta(seconds=5)
"""How long a process must run before it counts: what is wrong with a command shows by then."""

LONGEST_DOUBT = timedelta(minutes=1)
"""After that, another end is something new."""

HOPELESS_AFTER = 3
"""Processes of one container that ended."""


def doubts(pods: Iterable[Body], now: datetime) -> Iterator[str]:
    """Why Pods may not be, or stay, ready, a sentence for each container.

    They are asked themselves, since what their cluster's status says of them is half a second old.

    Args:
        pods: The Pods.
        now: The time.
    """
    for pod in pods:
        probed = {one["name"] for one in pod["spec"]["containers"] if one.get("readinessProbe")}
        for container in _containers(pod):
            running = container["state"].get("running")
            if not container["ready"]:
                yield f"Pod {pod['metadata']['name']} is not ready."
            if running is None or not container["ready"]:
                continue
            age = now - datetime.fromisoformat(running["startedAt"])
            before = _last_life(container)
            if before is None and container["name"] not in probed and age < SETTLING:
                yield f"Pod {pod['metadata']['name']} has run for less than {SETTLING.seconds} s."
            elif before is not None and age < min(max(before + timedelta(seconds=1), SETTLING), LONGEST_DOUBT):
                ended = f"{_how_ended(container['lastState']['terminated'])} after {before.total_seconds():.0f} s"
                yield f"Pod {pod['metadata']['name']} was started again only now: {ended}."


def hopeless(pods: Iterable[Body]) -> Iterator[str]:
    """What ends again and again, a sentence for each Pod.

    Args:
        pods: The Pods.
    """
    for pod in pods:
        for container in _containers(pod):
            ends = container["restartCount"] + 1
            end = container["lastState"].get("terminated") or container["state"].get("terminated")
            if "waiting" in container["state"] and ends >= HOPELESS_AFTER and end is not None:
                yield f"Pod {pod['metadata']['name']} ended {ends} times, the last time with {_how_ended(end)}."
                break


def _containers(pod: Body) -> tuple[Body, ...]:
    status = pod.get("status") or {}
    return (*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ()))


def _last_life(container: Body) -> timedelta | None:
    """How long a container's process before this one ran; `None` if this is the first."""
    end = container["lastState"].get("terminated")
    if end is None:
        return None
    return datetime.fromisoformat(end["finishedAt"]) - datetime.fromisoformat(end["startedAt"])


def _how_ended(end: Body) -> str:
    """How a process ended, with what it said last."""
    return f"exit code {end['exitCode']}" + (f": {end['message'].rstrip('.')}" if end.get("message") else "")
