"""The attempts of probes that are under way: commands beside their containers, and questions over the network.

exec                   waits for its turn ──► a process ──► its exit code
httpGet, tcpSocket     a thread of its own ──────────────► its answer
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from queue import Empty, SimpleQueue

from reconciler.local.containers.preparation import Prepared, Refusal
from reconciler.local.containers.processes import CannotStart, Exit, Processes
from reconciler.local.network.addresses import Network
from reconciler.local.pods.commands import Check
from reconciler.local.pods.network_probe import attempt
from reconciler.local.pods.pod_record import PodRecord
from reconciler.local.pods.spans import LONGEST_SECONDS, span
from reconciler.wire.protocol import Body

MOST_AT_ONCE = 5
"""How many commands are begun in one step: each takes some milliseconds, in which nothing else is done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt found.

    Args:
        record: The Pod.
        check: The attempt.
        passed: Whether it passed.
        message: How it failed.
    """

    record: PodRecord
    check: Check
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class PendingCommand:
    """A command that waits for its turn.

    Args:
        record: The Pod.
        check: The attempt.
        inside: The container.
    """

    record: PodRecord
    check: Check
    inside: Prepared

    @property
    def probe(self) -> Body:
        """The probe, as the manifest has it."""
        return _probe(self.record, self.check)


@dataclass(frozen=True, slots=True)
class _Running:
    """A command that runs."""

    record: PodRecord
    check: Check
    deadline: datetime
    seconds: float
    is_late: bool = False


class Probing:
    """Attempts probes without waiting for what they find.

    - A command lives no longer than its timeout, its container, and its Pod.
    - However many are due at once, few are begun at a time, in the order in which they came.
    - Every attempt is answered once, unless its container is gone before.

    Args:
        processes: What begins and ends processes.
        network: Where Pods' ports really are.
    """

    def __init__(self, processes: Processes, network: Network) -> None:
        self._processes = processes
        self._network = network
        self._turns: deque[PendingCommand] = deque()
        self._running: dict[int, _Running] = {}
        self._answers: SimpleQueue[Answer] = SimpleQueue()

    def ask(self, record: PodRecord, check: Check, inside: Prepared) -> None:
        """Make an attempt, or let it wait for its turn.

        Args:
            record: The Pod.
            check: The attempt.
            inside: The container.
        """
        if "exec" in _probe(record, check):
            self._turns.append(PendingCommand(record, check, inside))
            return
        threading.Thread(target=self._attempt, args=(record, check), name="probe", daemon=True).start()

    def turns(self) -> Iterator[PendingCommand]:
        """The commands whose turn it is now."""
        for _ in range(min(MOST_AT_ONCE, len(self._turns))):
            yield self._turns.popleft()

    def begin(self, turn: PendingCommand, now: datetime) -> None:
        """Begin a command; its time counts from now."""
        check, asked = turn.check, turn.probe
        log = turn.inside.program.log.with_name(f"{check.probe}-probe.log")
        try:
            number = self._processes.begin(turn.inside.beside(asked["exec"].get("command") or (), log))
        except (Refusal, CannotStart) as error:
            self._answers.put(Answer(turn.record, check, passed=False, message=str(error)))
            return
        seconds = asked.get("timeoutSeconds") or 1
        self._running[number] = _Running(turn.record, check, now + span(seconds), seconds)

    def ended(self, ended: Exit) -> None:
        """A process ended, perhaps one of these."""
        run = self._running.pop(ended.number, None)
        if run is None:
            return
        how = f"ended with exit code {ended.code}" if not run.is_late else f"did not end within {run.seconds:g} s"
        passed = ended.code == 0 and not run.is_late
        self._answers.put(Answer(run.record, run.check, passed, "" if passed else f"the command {how}"))

    def answers(self) -> Iterator[Answer]:
        """What was found since the last call."""
        while True:
            try:
                yield self._answers.get_nowait()
            except Empty:
                return

    def end_late(self, now: datetime) -> None:
        """End what has had its time."""
        for number, run in self._running.items():
            if run.deadline <= now and not run.is_late:
                self._running[number] = replace(run, is_late=True)
                self._processes.kill(number)

    def forget(self, record: PodRecord, container: str) -> None:
        """A container has ended: so does what was begun beside it, and nobody waits for it."""
        self._turns = deque(turn for turn in self._turns if not _is_of(turn, record, container))
        for number in [number for number, run in self._running.items() if _is_of(run, record, container)]:
            del self._running[number]
            self._processes.kill(number)

    def _attempt(self, record: PodRecord, check: Check) -> None:
        """Answer an attempt; one that cannot even be made has failed."""
        probe = _probe(record, check)
        try:
            passed, message = attempt(
                {**probe, "timeoutSeconds": min(probe.get("timeoutSeconds") or 1, LONGEST_SECONDS)},
                record.container(check.container),
                record.address,
                self._network.real,
            )
        except Exception as error:  # what a manifest can say of a probe has no end  # noqa: BLE001 - it is told
            passed, message = False, f"the probe cannot be tried: {type(error).__name__}: {error}"
        self._answers.put(Answer(record, check, passed, message))


def _probe(record: PodRecord, check: Check) -> Body:
    probe: Body = record.container(check.container)[f"{check.probe}Probe"]
    return probe


def _is_of(one: PendingCommand | _Running, record: PodRecord, container: str) -> bool:
    return one.record is record and one.check.container == container
