"""From manifests to an exit code: lets the files, the node and the screen take turns, beside the reconciler's loop.

main thread          every tick: files ──► API, node, screen
loop thread          the reconciler's own passes on the API
proxy thread         Services
guard (a process)    the containers' processes; it ends them if this process is gone
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from models.kinds import DASK_CLUSTER, EVENT, Key
from reconciler.local.containers.caveats import caveats
from reconciler.local.containers.programs import has_gpu
from reconciler.local.display.rows import Row, rows
from reconciler.local.display.screen import Screen, Style
from reconciler.local.files.following import Following, Told
from reconciler.local.network.doors import Door
from reconciler.local.node import Node
from reconciler.local.outcome import is_ready, outcome, unready
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI
from reconciler.protocol import Body
from reconciler.settings import Settings

DONE, FAILED, INTERRUPTED = 0, 1, 130

TICK_SECONDS = 0.05
FILES_EVERY_SECONDS = 0.5
SHOW_EVERY_SECONDS = 0.2
LONGEST_GOODBYE, SHORT_GOODBYE = timedelta(seconds=10), timedelta(seconds=3)
"""How long processes may take to end when someone ends them, and when all is over anyway."""

CATCH_UP_SECONDS = 1.0
"""How long logs that came faster than they could be shown are still shown at the end."""

SILENT_SECONDS = 1.5
"""How long the end may take without a word."""

Events = SimpleQueue[signal.Signals | None]
"""Signals, and `None` if the loop has ended by itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When a run ends by itself.

    Args:
        waits: Whether it ends when its clusters are ready and its jobs over.
        seconds: For how long it waits for that.
    """

    waits: bool = False
    seconds: float = 120.0


class Run:
    """One run.

    - The daemon's own loop decides; this only plays the Kubernetes around it.
    - It ends in order: runners and workers first, then schedulers, then everything that is left.

    Args:
        api: The API, empty.
        following: The manifests.
        screen: What people see.
        settings: The reconciler's settings.
        clock: The time.
    """

    def __init__(
        self, api: MemoryAPI, following: Following, screen: Screen, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._api = api
        self._following = following
        self._screen = screen
        self._settings = settings
        self._clock = clock
        self._said: set[str] = set()
        self._has_gpu = has_gpu()
        self._doors: dict[Key, Door] = {}
        self._announced: set[Key] = set()
        self._files_at = self._show_at = 0.0
        self._revision = -1
        self._has_crashed = False
        self._rows: Sequence[Row] = ()

    def begin(self) -> bool:
        """Read the manifests; whether there is something to run and nothing wrong."""
        told = self._following.poll()
        if self._following.has_problems:
            self._tell(tuple(one for one in told if one.kind == "problem"))
            return False
        self._tell(told)
        if not (self._following.jobs or self._following.clusters):
            self._screen.say("No DaskCluster and no DaskJob is in these files, so nothing would run.", "problem")
            return False
        return True

    def go_on(self, node: Node, events: Events, ending: Ending) -> int:
        """Let it run until it is over or a signal comes; the exit code.

        Args:
            node: Where the Pods run.
            events: Where signals come from.
            ending: When it ends by itself.
        """
        for words in node.notes:
            self._screen.say(words, "warning")
        with self._reconciling(events):
            code = self._until_over(node, events, ending)
        if code is None:
            self._say_goodbye(node, events, LONGEST_GOODBYE)
            return self._interrupted()
        # What is over has nothing left to tell.
        self._say_goodbye(node, events, SHORT_GOODBYE)
        return code

    @contextmanager
    def _reconciling(self, events: Events) -> Iterator[None]:
        """The reconciler's own loop, in a thread."""
        stop = threading.Event()
        loop = Loop(self._api, self._settings, clock=self._clock)

        def passes() -> None:
            try:
                loop.forever(stop)
            finally:
                if not stop.is_set():
                    self._has_crashed = True
                    events.put(None)

        thread = threading.Thread(target=passes, name="loop", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _until_over(self, node: Node, events: Events, ending: Ending) -> int | None:
        """The exit code; `None` if a signal came, or the loop is gone."""
        deadline = time.monotonic() + ending.seconds
        while not _caught(events):
            self._tick(node)
            jobs, clusters = self._following.jobs, self._following.clusters
            over = outcome(self._api, jobs, clusters, node.exit_codes, waits=ending.waits)
            if over is not None:
                self._show()  # or nobody would see how it ended
                self._screen.say(over.words, "good" if over.exit_code == DONE else "problem")
                return over.exit_code
            if ending.waits and time.monotonic() > deadline:
                for line in unready(self._api, clusters):
                    self._screen.say(line, "problem")
                self._screen.say(f"Not everything was ready within {ending.seconds:g} s.", "problem")
                return FAILED
        return None

    def _interrupted(self) -> int:
        """Ctrl-C is how one ends a cluster; it is no success for a job."""
        if self._has_crashed:
            self._screen.say("The reconciler's loop has ended by itself, which it should not.", "problem")
            return FAILED
        return INTERRUPTED if self._following.jobs and not self._following.clusters else DONE

    def _tick(self, node: Node) -> None:
        now = time.monotonic()
        if now >= self._files_at:
            self._files_at = now + FILES_EVERY_SECONDS
            self._tell(self._following.poll())
        for pod in node.step(self._clock(), self._following.supplies):
            self._warn(pod)
        self._doors |= {door.cluster: door for door in node.opened(self._following.clusters)}
        self._log(node)
        if now >= self._show_at:
            self._show_at = now + SHOW_EVERY_SECONDS
            self._show()

    def _show(self) -> None:
        """What there is, what is ready now, and what the reconciler warns of."""
        revision = self._api.revision
        if revision != self._revision:
            self._rows = [self._with_door(row) for row in rows(self._api)]
        self._screen.show(self._rows)
        if revision == self._revision:
            return
        self._revision = revision
        for cluster in self._doors.keys() - self._announced:
            if is_ready(self._api, cluster):
                self._announced.add(cluster)
                self._screen.say(f"{cluster.name}: {self._doors[cluster]}", "good")
        for event in self._api.objects(EVENT):
            if event["type"] == "Warning":
                about = event["involvedObject"]
                words = f"{about['kind']} {about['namespace']}/{about['name']}: {event['message']}"
                self._say_once(words, words)

    def _with_door(self, row: Row) -> Row:
        """A cluster that is ready tells how it is reached instead."""
        door = self._doors.get(Key(DASK_CLUSTER, row.namespace, row.resource.removeprefix("daskcluster/")))
        return replace(row, reason=str(door)) if door and row.state == "good" else row

    def _warn(self, pod: Body) -> None:
        """Say what cannot be done here, once for each feature."""
        for caveat in caveats(pod["spec"], has_gpu=self._has_gpu):
            self._say_once(caveat.feature, caveat.words)

    def _say_once(self, subject: str, words: str) -> None:
        if subject not in self._said:
            self._said.add(subject)
            self._screen.say(words, "warning")

    def _tell(self, told: tuple[Told, ...]) -> None:
        for one in told:
            self._screen.say(one.words, _STYLES.get(one.kind, "plain"))

    def _say_goodbye(self, node: Node, events: Events, longest: timedelta) -> None:
        """End all processes in order; a signal ends them at once. What they say to that is in their logs."""
        self._log(node)
        until = time.monotonic() + CATCH_UP_SECONDS
        while node.is_behind and time.monotonic() < until and events.empty():
            self._log(node)
        self._screen.clear()
        patience = time.monotonic() + SILENT_SECONDS
        while not node.say_goodbye(self._clock(), longest) and not _caught(events):
            if time.monotonic() > patience:
                patience = float("inf")
                self._screen.say("Waiting for all processes to end; interrupt again to kill them.", "note")

    def _log(self, node: Node) -> None:
        for line in node.lines():
            self._screen.log(line)


_STYLES: dict[str, Style] = {"problem": "problem", "note": "note"}


def _caught(events: Events) -> bool:
    """Whether a signal came, or the loop ended, within a tick."""
    try:
        events.get(timeout=TICK_SECONDS)
    except Empty:
        return False
    return True
