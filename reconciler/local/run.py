"""From manifests to an exit code: lets the files, the node and the screen take turns, beside the reconciler's loop.

main thread          every tick: files ──► API, node, screen
loop thread          the reconciler's own passes on the API
proxy thread         Services
guard (a process)    the containers' processes; it ends them if this process is gone
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty

from models.kinds import DASK_CLUSTER, SECRET, Key
from reconciler.daemon.exitcodes import DONE, FAILED, INTERRUPTED
from reconciler.daemon.settings import Settings
from reconciler.daemon.signals import Events, how_to_end, ignores_interrupts
from reconciler.dask.asking import Schedulers, asking
from reconciler.dask.certificates import Certificates
from reconciler.dask.reach import Reach
from reconciler.dask.workers import ask
from reconciler.local.announcements import Announcements
from reconciler.local.display.rows import Row, rows
from reconciler.local.display.screen import Screen, Style
from reconciler.local.exception_barrier import ExceptionBarrier
from reconciler.local.files.following import Following, Notice
from reconciler.local.files.supplies import WrongSupply, supply
from reconciler.local.network.cluster_addresses import ClusterAddress
from reconciler.local.node import Node
from reconciler.local.outcome import Asked, Outcome, Terms, outcome, unfinished
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI

TICK_SECONDS = 0.05
FILES_EVERY_SECONDS = 0.5
SHOW_EVERY_SECONDS = 0.2
LONGEST_ENDING, SHORT_ENDING = timedelta(seconds=10), timedelta(seconds=3)
"""How long processes may take to end when someone ends them, and when all is over anyway."""

CATCH_UP_SECONDS = 1.0
"""How long logs that came faster than they could be shown are still shown at the end."""

SILENT_SECONDS = 1.5
"""How long the end may take without a word."""

NEVER_LASTING = "must wait to be scheduled"
"""What a status may say for half a second; here, every Pod is scheduled at once."""


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
        self._announcements = Announcements(api, screen.say)
        self._files, self._picture = ExceptionBarrier("files"), ExceptionBarrier("picture")
        self._files_at = self._show_at = 0.0
        self._asked = Asked()
        self._judged: tuple[int, Asked, int] | None = None
        self._terms = Terms()
        self._over: Outcome | None = None
        self._shown: tuple[int, Mapping[str, ClusterAddress]] | None = None
        self._rows: Sequence[Row] = ()
        self._has_crashed = False

    def begin(self) -> bool:
        """Read the manifests; whether there is something to run and nothing wrong."""
        notices = self._following.poll()
        if self._following.has_problems:
            self._tell(tuple(one for one in notices if one.kind == "problem"))
            return False
        self._tell(notices)
        self._asked = Asked(self._following.jobs, self._following.clusters)
        if self._following.is_of_files and not (self._asked.jobs or self._asked.clusters):
            self._screen.say("No DaskCluster and no DaskJob is in these files, so nothing would run.", "problem")
            return False
        return True

    def go_on(self, node: Node, events: Events, wait_seconds: float | None, *, no_retry: bool = False) -> int:
        """Let it run until it is over or a signal comes; the exit code.

        Args:
            node: Where the Pods run.
            events: Where signals come from.
            wait_seconds: For how long to wait until all is ready and over, and then end; `None` to go on.
            no_retry: Whether to end when the command of a job fails for the first time.
        """
        self._terms = Terms(wait_seconds is not None, no_retry)
        for words in node.notes:
            self._screen.say(words, "warning")
        if ignores_interrupts():
            self._screen.say(f"{how_to_end()}.", "note")
        with self._reconciling(events):
            self._over = self._until_over(node, events, wait_seconds)
        if self._over is None:
            self._end_all(node, events, LONGEST_ENDING)
            return self._interrupted()
        # What is over has nothing left to tell.
        self._end_all(node, events, SHORT_ENDING)
        return self._over.exit_code

    def conclude(self) -> None:
        """Say how it ended, as the last thing of all."""
        if self._over is not None:
            for line in self._over.causes:
                self._screen.say(line, "problem")
            self._screen.say(self._over.words, "good" if self._over.exit_code == DONE else "problem")

    @contextmanager
    def _reconciling(self, events: Events) -> Iterator[None]:
        """The reconciler's own loop, in a thread."""
        stop = threading.Event()
        reach = Reach(Certificates(self._secret))
        schedulers = None if self._settings.no_dask else Schedulers(partial(ask, reach=reach), self._clock)
        loop = Loop(self._api, self._settings, clock=self._clock, schedulers=schedulers)

        def passes() -> None:
            try:
                loop.forever(stop)
            finally:
                if not stop.is_set():
                    self._has_crashed = True
                    events.put(None)

        thread = threading.Thread(target=passes, name="loop", daemon=True)
        thread.start()
        with asking(schedulers):
            try:
                yield
            finally:
                stop.set()
                thread.join()

    def _secret(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """What a Secret holds."""
        found = self._api.get(Key(SECRET, namespace, name))
        if found is None:
            raise ValueError("there is none of that name")
        try:
            return supply(found).data
        except WrongSupply as error:
            raise ValueError(str(error)) from error

    def _until_over(self, node: Node, events: Events, wait_seconds: float | None) -> Outcome | None:
        """How it ended; `None` if a signal came, or the loop is gone."""
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        while not _caught(events):
            self._tick(node)
            over = self._outcome(node)
            if over is None and deadline is not None and time.monotonic() > deadline:
                over = self._too_late(node, f"within {wait_seconds:g} s")
            if over is not None:
                self._show(node)  # or nobody would see how it ended
                return over
        return None

    def _outcome(self, node: Node) -> Outcome | None:
        """How the run ended; `None` as long as it goes on, or as nothing has changed."""
        # By time alone, what is ready proves to stay so.
        seconds = int(time.monotonic()) if self._terms.waits else 0
        known = (self._api.revision, self._asked, seconds)
        if known == self._judged:
            return None
        self._judged = known
        return outcome(self._api, self._asked, node.exit_codes, self._terms, self._clock())

    def _too_late(self, node: Node, when: str) -> Outcome:
        what = "Not everything was ready" if self._asked.clusters else "Not every job was over"
        causes = tuple(unfinished(self._api, self._asked, node.exit_codes, self._clock()))
        return Outcome(FAILED, f"{what} {when}.", causes)

    def _interrupted(self) -> int:
        """Ctrl-C is how one ends a cluster; it is no success for a job."""
        if self._has_crashed:
            self._screen.say("The reconciler's loop has ended by itself, which it should not.", "problem")
            return FAILED
        return INTERRUPTED if self._asked.jobs and not self._asked.clusters else DONE

    def _tick(self, node: Node) -> None:
        now = time.monotonic()
        if now >= self._files_at:
            self._files_at = now + FILES_EVERY_SECONDS
            self._follow()
        taken = node.step(self._clock(), self._asked.clusters)
        with self._picture():
            self._announcements.caveats(taken, has_gpu=node.has_gpu)
        self._log(node)
        if self._screen.is_abandoned:
            raise BrokenPipeError
        if now >= self._show_at:
            self._show_at = now + SHOW_EVERY_SECONDS
            self._show(node)

    def _follow(self) -> None:
        """Take over what the files say now."""
        notices: tuple[Notice, ...] = ()
        with self._files():
            notices = self._following.poll()
            self._asked = Asked(self._following.jobs, self._following.clusters)
        self._tell(notices)

    def _show(self, node: Node) -> None:
        """What there is; what is ready now, and what the reconciler warns of."""
        known = (self._api.revision, node.cluster_addresses)
        is_news, self._shown = known != self._shown, known
        if is_news:
            with self._picture():
                self._rows = [_with_address(_present(row), node.cluster_addresses.values()) for row in rows(self._api)]
        self._screen.show(self._rows)
        if is_news:
            self._announcements.addresses(node.cluster_addresses)
            self._announcements.warnings()
            self._announcements.retries({} if self._terms.no_retry else node.exit_codes)

    def _tell(self, notices: tuple[Notice, ...]) -> None:
        for one in notices:
            self._screen.say(one.words, _STYLES.get(one.kind, "plain"))

    def _end_all(self, node: Node, events: Events, longest: timedelta) -> None:
        """End all processes in order; a signal ends them at once. What they say to that is in their logs.

        Only what jobs say is still shown: it may be all that is left of their work.
        """
        self._log(node)
        until = time.monotonic() + CATCH_UP_SECONDS
        while node.is_behind and time.monotonic() < until and events.empty():
            self._log(node)
        self._screen.clear()
        patience = time.monotonic() + SILENT_SECONDS
        if not node.end_all(self._clock(), longest):
            self._screen.say("Ending all processes.", "note")
        while not node.end_all(self._clock(), longest) and not _caught(events):
            if time.monotonic() > patience:
                patience = float("inf")
                again = "SIGTERM" if ignores_interrupts() else "interrupt"
                self._screen.say(f"Waiting for all processes to end; {again} again to kill them.", "note")
            self._show_last_lines(node)
        until = time.monotonic() + CATCH_UP_SECONDS
        self._show_last_lines(node)
        while node.is_behind and time.monotonic() < until:
            self._show_last_lines(node)

    def _show_last_lines(self, node: Node) -> None:
        """Show what jobs still say."""
        for line in node.last_lines():
            self._screen.log(line)
        self._screen.catch_up()

    def _log(self, node: Node) -> None:
        for line in node.lines():
            self._screen.log(line)
        self._screen.catch_up()


def _present(row: Row) -> Row:
    """A row without a reason that was one only until a moment ago."""
    return replace(row, reason="") if NEVER_LASTING in row.reason else row


def _with_address(row: Row, addresses: Iterable[ClusterAddress]) -> Row:
    """A cluster that is ready tells how it is reached instead."""
    key = Key(DASK_CLUSTER, row.namespace, row.resource.removeprefix("daskcluster/"))
    address = next((address for address in addresses if address.cluster == key), None)
    return replace(row, reason="", way=str(address)) if address and row.state == "good" else row


_STYLES: dict[str, Style] = {"problem": "problem", "note": "note"}


def _caught(events: Events) -> bool:
    """Whether a signal came, or the loop ended, within a tick."""
    try:
        events.get(timeout=TICK_SECONDS)
    except Empty:
        return False
    return True
