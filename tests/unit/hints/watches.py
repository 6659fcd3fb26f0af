"""Watches that do as they are told."""

from collections.abc import Iterator, Sequence
from threading import Event, Thread
from typing import Any

from models.base import OwnerReference
from models.kinds import POD, Key, Kind
from reconciler.hints.reopening import Watching
from reconciler.passes.lists import Place
from reconciler.wire.protocol import EventType, Watch, WatchEvent

PODS: Place = (POD, None)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Script:
    """A watcher whose watches bring what is written down, one after the other; the one after the last waits.

    Attributes:
        versions: From where each watch began.
        at_end: Set when the watch after the last is waited for.

    Args:
        clock: Advanced by the numbers among the events.
        acts: Of each watch an error that refuses it, or its events, seconds that pass and the error that ends it.
    """

    def __init__(self, clock: Clock, *acts: Exception | Sequence[WatchEvent | Exception | float]) -> None:
        self.versions: list[str] = []
        self.at_end = Event()
        self._clock = clock
        self._acts = iter(acts)
        self._last: Scripted | None = None

    def play(self, error: Exception) -> None:
        """End the watch that waits with an error."""
        assert self._last is not None
        self._last.error = error
        self._last.close()

    def watch(
        self, kind: Kind, namespace: str | None, *, version: str, labels: str = "", timeout_seconds: int
    ) -> Watch:
        assert (kind, namespace, labels) == (POD, None, "dask.org/component")
        assert 240 <= timeout_seconds <= 300
        self.versions.append(version)
        act = next(self._acts, None)
        if isinstance(act, Exception):
            raise act
        self._last = Scripted(self._clock, act, self.at_end)
        return self._last


class Scripted:
    """A watch of a script."""

    def __init__(self, clock: Clock, act: Sequence[WatchEvent | Exception | float] | None, at_end: Event) -> None:
        self._clock = clock
        self._act = act
        self._at_end = at_end
        self._closed = Event()
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[WatchEvent]:
        for one in self._act or ():
            if isinstance(one, Exception):
                raise one
            if isinstance(one, WatchEvent):
                yield one
            else:
                self._clock.now += one
        if self._act is None:
            self._at_end.set()
            assert self._closed.wait(10), "nobody closed the watch"
            if self.error is not None:
                raise self.error

    def close(self) -> None:
        self._closed.set()


class Follower:
    """A `Watching` in a thread, with what it brought, and how long it paused in between."""

    def __init__(self, script: Script, clock: Clock) -> None:
        self.script = script
        self.heard: list[WatchEvent] = []
        self.pauses: list[float] = []
        self.watching = Watching(script, PODS, self.heard.append, clock, lambda _, seconds: self.pauses.append(seconds))
        self._thread = Thread(target=self.watching.run)
        self._thread.start()

    def to_the_end(self) -> None:
        """Wait until the watch after the last is open and waited for."""
        assert self.script.at_end.wait(10), "the script was not played to its end"

    def stop(self) -> None:
        self.watching.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()


def event(name: str, version: int, type_: EventType = EventType.MODIFIED, **more: Any) -> WatchEvent:
    """Something that happened to a Pod."""
    return WatchEvent(type_, Key(POD, "default", name), str(version), **more)


def bookmark(version: int) -> WatchEvent:
    return WatchEvent(EventType.BOOKMARK, Key(POD, "", ""), str(version))


def controller(kind: str, name: str, api_version: str = "kubernetes.dask.org/v1") -> OwnerReference:
    """Who manages an object."""
    return OwnerReference(api_version=api_version, kind=kind, name=name, uid="u", controller=True)
