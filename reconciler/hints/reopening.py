"""One watch that is opened again and again.

ended by the server, or silent    opened again at once, from the last event or bookmark
broken, or no answer              again after a pause that doubles, up to a minute
410 Gone                          again after the next list of everything
a bug                             logged; again after both
403, 404                          said once; again after some minutes, since rights may come
"""

import zlib
from collections.abc import Callable
from datetime import timedelta
from threading import Condition

import structlog

from reconciler.passes.lists import SELECTORS, Place
from reconciler.wire.errors import ApiError, Gone, Refused
from reconciler.wire.protocol import WATCH_SILENCE_SECONDS, EventType, Watch, Watcher, WatchEvent
from reconciler.wire.remedies import watch_refused

LASTS = timedelta(minutes=4)
"""How long the server keeps a watch open; places differ by up to a quarter more, so that not all end at once."""
FIRST_PAUSE = timedelta(seconds=0.5)
LONGEST_PAUSE = timedelta(minutes=1)
REFUSED_PAUSE = timedelta(minutes=5)
STEADY_SECONDS = 5.0
"""A watch that ends sooner has failed, whatever it brought: it could end so again and again."""
TOLD_AFTER_FAILURES = 3
"""A watch that cannot be opened so often in a row is told of; fewer are a restart of the API server, or its like."""


class Watching:
    """A thread's work: follow one kind in one namespace, or in all.

    Args:
        watcher: Where to watch.
        place: What, and in which namespace.
        heard: Told of every event but bookmarks.
        clock: A monotonic time in seconds.
        pause: Waits for so many seconds, or less if the condition that it is given is notified; the lock is held.
    """

    def __init__(
        self,
        watcher: Watcher,
        place: Place,
        heard: Callable[[WatchEvent], None],
        clock: Callable[[], float],
        pause: Callable[[Condition, float], object],
    ) -> None:
        self._watcher = watcher
        self._place = place
        self._heard = heard
        self._clock = clock
        self._pause = pause
        self._changed = Condition()
        self._version = ""
        self._listed = ""
        self._open: Watch | None = None
        self._opened_at = 0.0
        self._heard_at = 0.0
        self._failures = 0
        self._is_told = False
        self._stopped = False
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("reconciler")

    def __str__(self) -> str:
        kind, namespace = self._place
        return f"{kind.plural} in {f'namespace {namespace}' if namespace else 'all namespaces'}"

    def run(self) -> None:
        """Watch until stopped."""
        while self._wait_for_version():
            seconds = self._attempt()
            with self._changed:
                if seconds and not self._stopped:
                    self._pause(self._changed, seconds)

    def restart(self, version: str) -> None:
        """Take in that everything was listed at a version, where a watch begins that is closed or has fallen behind."""
        with self._changed:
            if not version:
                return
            self._listed = version
            if self._open is not None:
                return
            if not self._version:
                self._changed.notify_all()
            self._version = version

    def stop(self) -> None:
        """End, without waiting for it."""
        with self._changed:
            self._stopped = True
            if self._open is not None:
                self._open.close()
            self._changed.notify_all()

    def is_healthy(self) -> bool:
        """Whether the watch is open and was heard from lately."""
        with self._changed:
            return self._open is not None and not self._is_silent()

    def close_if_silent(self) -> None:
        """End a watch that has brought nothing for too long, so that it is opened again."""
        with self._changed:
            if self._open is not None and self._is_silent():
                self._open.close()

    def _is_silent(self) -> bool:
        return self._clock() - self._heard_at > WATCH_SILENCE_SECONDS

    def _wait_for_version(self) -> bool:
        """Wait for a version to begin from; false when stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._version or self._stopped)
            return not self._stopped

    def _attempt(self) -> float:
        """Watch once; how many seconds to pause then."""
        try:
            self._follow()
        except Gone:
            self._begin_from_the_next_list()
            return 0.0
        except Refused as error:
            self._tell(watch_refused(*self._place, error))
            return pause_seconds(self._place, REFUSED_PAUSE)
        except ApiError as error:
            if self._failures >= TOLD_AFTER_FAILURES:
                self._tell(error.message)
            pause = pause_seconds(self._place, backoff(self._failures))
            return max(pause, error.retry_after_seconds or 0.0)
        except Exception:  # noqa: BLE001 - or one event that nobody foresaw would end all hints of this place
            self._log.exception("watch.crashed", watch=str(self))
            self._begin_from_the_next_list()
        return pause_seconds(self._place, backoff(self._failures))

    def _begin_from_the_next_list(self) -> None:
        """Leave out what came until the last list, or else the next."""
        with self._changed:
            self._version, self._listed = self._listed, ""

    def _follow(self) -> None:
        """Watch until the watch ends. It counts as failed until it has proved steady."""
        self._failures += 1
        kind, namespace = self._place
        with self._changed:
            version, self._listed = self._version, ""
        watch = self._watcher.watch(
            kind,
            namespace,
            version=version,
            labels=SELECTORS[kind],
            timeout_seconds=round(pause_seconds(self._place, LASTS)),
        )
        with self._changed:
            self._open, self._opened_at = watch, self._clock()
            self._heard_at = self._opened_at
            if self._stopped:
                watch.close()
        try:
            for event in watch:
                self._take(event)
        finally:
            with self._changed:
                self._open = None
            watch.close()

    def _take(self, event: WatchEvent) -> None:
        with self._changed:
            self._version, self._heard_at = event.resource_version, self._clock()
        if self._heard_at - self._opened_at >= STEADY_SECONDS:
            self._failures = 0
            if self._is_told:
                self._log.info("watch.restored", watch=str(self))
            self._is_told = False
        if event.type is not EventType.BOOKMARK:
            self._heard(event)

    def _tell(self, why: str) -> None:
        """Say once that there are no hints here, until there are again."""
        if not self._is_told:
            self._log.warning("watch.failed", watch=str(self), error=why, message="changes wait for the interval")
        self._is_told = True


def backoff(failures: int) -> timedelta:
    """The pause after so many failures in a row."""
    return min(FIRST_PAUSE * 2 ** min(failures - 1, 20), LONGEST_PAUSE) if failures else timedelta()


def pause_seconds(place: Place, pause: timedelta) -> float:
    """A pause, longer by up to a quarter: the same for the same place, and another for each."""
    kind, namespace = place
    share = zlib.crc32(f"{kind.plural}/{namespace or ''}".encode()) / 2**32
    return pause.total_seconds() * (1 + share / 4)
