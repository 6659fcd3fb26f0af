"""Whatever a Pod is and whatever happens to it, its life keeps its promises.

The machine plays the processes: it does what is asked for, or fails to, in its own time, and knows what runs.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models.base import wire_time
from models.observed import Pod
from reconciler.local.pods.life import Check, Command, Kill, PodLife, Probe, Start, Terminate
from reconciler.wire.protocol import Body
from tests.builders import NOON
from tests.property.podspecs import named, specs

LONGEST_WAIT = 300
LEAST_GRACE = 2
"""What a process has if its turn to end comes when the Pod's grace is almost over."""

FINAL = ("Succeeded", "Failed")
EXITS = (0, 0, 0, 1, None)
ANSWERS = (True, True, True, False, None)
OUTCOMES = ("runs", "runs", "runs", "runs", "later", "CreateContainerConfigError", "RunContainerError")

seconds = st.sampled_from([1, 0, 0.05, 2, 2.5, 5, 10, 15, 30, 120, 300, 600])
graces = st.sampled_from([0, 0.5, 1, 5, 30])


@dataclass(slots=True)
class Process:
    """What a container runs."""

    runs: bool = False
    terminated_at: datetime | None = None
    is_killed: bool = False
    under_way: dict[Probe, Check] = field(default_factory=dict)


class Machine(RuleBasedStateMachine):
    """A Pod's life and the processes that belong to it."""

    @initialize(
        spec=specs,
        outcomes=st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=12),
        answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=12),
        exits=st.lists(st.sampled_from(EXITS), min_size=1, max_size=5),
    )
    def take_in(self, spec: Body, outcomes: list[str], answers: list[bool | None], exits: list[int | None]) -> None:
        self.spec = named(spec)
        self.outcomes = cycle(outcomes)
        self.answers = cycle(answers)
        self.exits = cycle(exits)
        self.now = NOON
        self.life = PodLife({"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": self.spec}, NOON)
        self.bodies = {body["name"]: body for body in [*self.spec["initContainers"], *self.spec["containers"]]}
        self.sidecars = {name for name, body in self.bodies.items() if body.get("restartPolicy") == "Always"}
        self.regular = [body["name"] for body in self.spec["containers"]]
        self.processes: dict[str, Process] = {}
        self.codes: dict[str, int] = {}
        self.runs: dict[str, int] = dict.fromkeys(self.bodies, 0)
        self.numbers: set[tuple[str, int]] = set()
        self.stale: list[Check] = []
        self.delete_by: datetime | None = None
        self.before: Body = {}

    @rule(after=seconds)
    def time_passes(self, after: float) -> None:
        """Probes are answered, init containers end and processes start: mostly now, some later, some not."""
        self.now += timedelta(seconds=after)
        self.answer()
        brief = [name for name in self.names(running=True) if name not in self.sidecars and name not in self.regular]
        for name, code in zip(brief, self.exits, strict=False):
            if code is not None:
                self.end(name, code)
        for command in self.due():
            self.obey(command)
        assert self.life.due(self.now) == ()
        for name, outcome in zip(self.names(running=False), self.outcomes, strict=False):
            if outcome == "runs":
                self.life.started(name, self.now)
                self.processes[name].runs = True
            elif outcome != "later":
                self.life.not_started(name, outcome, "it would not", self.now)
                del self.processes[name]
                self.count(name, 128 if outcome == "RunContainerError" else None)

    def due(self) -> tuple[Command, ...]:
        """What is to be done now; nothing, and nothing new to tell, as long as the life sleeps."""
        if self.life.wakes_at is None or self.now < self.life.wakes_at:
            self.the_status_is_true()
            assert self.life.due(self.now) == ()
            assert self.status() == self.before
        commands = self.life.due(self.now)
        assert self.life.wakes_at is None or self.life.wakes_at > self.now, "it is awake with nothing to do"
        return commands

    def answer(self) -> None:
        asked = [check for process in self.processes.values() for check in process.under_way.values()]
        for check, passed in zip(asked, self.answers, strict=False):
            if passed is not None:
                del self.processes[check.container].under_way[check.probe]
                self.life.checked(check, passed, "so it is", self.now)

    def count(self, name: str, code: int | None) -> None:
        if code is not None:
            self.codes[name] = code
            self.runs[name] += 1

    def obey(self, command: Command) -> None:
        process = self.processes.get(command.container)
        if isinstance(command, Start):
            assert process is None, "two processes of one container"
            assert self.delete_by is None, "started after deletion was asked for"
            assert self.before["phase"] not in FINAL
            assert command.restart == self.runs[command.container]
            self.assert_turn(command.container)
            self.processes[command.container] = Process()
            return
        assert process is not None, f"{command} is for no process"
        assert process.runs
        if isinstance(command, Terminate):
            assert process.terminated_at is None
            process.terminated_at = self.now
        elif isinstance(command, Kill):
            self.assert_grace(command.container, process)
            process.is_killed = True
        else:
            assert process.terminated_at is None
            assert self.delete_by is None
            assert command.probe not in process.under_way
            assert (command.container, command.number) not in self.numbers
            self.numbers.add((command.container, command.number))
            process.under_way[command.probe] = command

    def assert_turn(self, name: str) -> None:
        """Everything before an init container, or before the others, is done or beside it."""
        initial = [body["name"] for body in self.spec["initContainers"]]
        for earlier in initial[: initial.index(name)] if name in initial else initial:
            assert self.runs[earlier] or earlier in self.processes, f"{name} before {earlier}"
            assert earlier in self.sidecars or self.codes[earlier] == 0
        if name in self.codes and name not in self.sidecars:
            assert self.spec["restartPolicy"] != "Never"

    def assert_grace(self, name: str, process: Process) -> None:
        assert process.terminated_at is not None, "killed without being asked to end"
        assert not process.is_killed
        graces = [self.spec.get("terminationGracePeriodSeconds", 30), LEAST_GRACE]
        graces += [body["terminationGracePeriodSeconds"] for body in self.bodies[name].values() if _has_grace(body)]
        has_waited = self.now >= process.terminated_at + timedelta(seconds=min(graces))
        assert has_waited or (self.delete_by is not None and self.now >= self.delete_by)

    def names(self, *, running: bool) -> list[str]:
        return [name for name, process in self.processes.items() if process.runs is running]

    @rule(after=seconds, data=st.data(), code=st.sampled_from([0, 0, 1, 143]))
    def ends(self, after: float, data: st.DataObject, code: int) -> None:
        self.time_passes(after)
        if self.processes:
            self.end(data.draw(st.sampled_from(sorted(self.processes))), code)

    def end(self, name: str, code: int) -> None:
        process = self.processes.pop(name)
        self.stale.extend(process.under_way.values())
        self.count(name, 137 if process.is_killed else code)
        self.life.ended(name, self.codes[name], self.now)

    @precondition(lambda self: all(self.runs[name] or name in self.processes for name in self.regular))
    @rule(after=seconds, grace=graces)
    def is_deleted(self, after: float, grace: float) -> None:
        self.time_passes(after)
        self.life.delete(grace, self.now)
        deadline = self.now + timedelta(seconds=grace)
        self.delete_by = deadline if self.delete_by is None else min(deadline, self.delete_by)

    def status(self) -> Body:
        return self.life.status(self.now, address="127.101.0.2")

    @invariant()
    def what_does_not_fit_is_ignored(self) -> None:
        before = self.status()
        for name in self.bodies:
            if name not in self.processes:
                self.life.ended(name, 1, self.now)
            if name not in self.names(running=False):
                self.life.started(name, self.now)
                self.life.not_started(name, "RunContainerError", "", self.now)
        for check in self.stale:
            self.life.checked(check, False, "too late", self.now)
        assert self.status() == before

    @invariant()
    def the_status_is_true(self) -> None:
        status = self.status()
        assert self.status() == status
        pod = Pod.model_validate({"metadata": {"name": "p"}, "spec": {}, "status": status})
        assert pod.has_ended is (status["phase"] in FINAL)
        shown = _containers(status)
        assert list(shown) == list(self.bodies)
        assert {name for name, one in shown.items() if "running" in one["state"]} == set(self.names(running=True))
        assert self.life.last_exit_codes == self.codes
        for name, one in shown.items():
            assert len(one["state"]) == 1
            assert one["restartCount"] == max(0, self.runs[name] + (name in self.names(running=True)) - 1)
            assert not one["ready"] or self.delete_by is None or name not in self.regular
        self.assert_conditions(status)
        self.assert_phase(status)
        self.before = status

    def assert_conditions(self, status: Body) -> None:
        conditions = {one["type"]: one for one in status["conditions"]}
        assert len(conditions) == len(status["conditions"])
        shown = _containers(status)
        served = [name for name in self.bodies if name in self.sidecars or name in self.regular]
        for kind in ("Ready", "ContainersReady"):
            is_ready = conditions[kind]["status"] == "True"
            assert is_ready is (all(shown[name]["ready"] for name in served))
            assert not is_ready or all(self.processes[name].terminated_at is None for name in served)
        for earlier in self.before.get("conditions", ()):
            later = conditions[earlier["type"]]
            is_same = later["status"] == earlier["status"]
            since = earlier["lastTransitionTime"] if is_same else wire_time(self.now)
            assert later["lastTransitionTime"] == since

    def assert_phase(self, status: Body) -> None:
        phase, earlier = status["phase"], self.before.get("phase")
        assert earlier not in FINAL or phase == earlier
        assert not (earlier == "Running" and phase == "Pending")
        if phase in FINAL:
            assert not self.processes, "something runs in a Pod that has ended"
        if phase == "Succeeded":
            assert all(self.codes.get(name) == 0 for name in self.regular)
        if phase == "Running":
            assert all(self.runs[name] or name in self.processes for name in self.regular)
        assert self.life.is_over is (self.delete_by is not None and not self.processes)
        if self.life.is_over:
            assert phase in FINAL

    def teardown(self) -> None:
        """A Pod is never stuck: it goes on by itself, and ends when it is asked to."""
        if not hasattr(self, "life"):
            return
        self.outcomes = cycle(["runs"])
        if not self.processes and self.before["phase"] not in FINAL:
            self.time_passes(LONGEST_WAIT)
            self.the_status_is_true()
            assert self.processes or self.before["phase"] in FINAL, "nothing runs, and nothing will"
        self.is_deleted(0, 1)
        for _ in range(2 * len(self.bodies) + 2):
            self.time_passes(2)
            for name in [name for name, process in self.processes.items() if process.is_killed]:
                self.end(name, 137)
        assert self.life.is_over
        self.the_status_is_true()


def test_a_life_keeps_its_promises_whatever_happens() -> None:
    """One process a container at most, none after deletion, graces kept, final phases, nothing due while it sleeps."""
    run_state_machine_as_test(Machine, settings=settings(max_examples=4 * settings().max_examples))


def _containers(status: Body) -> dict[str, Any]:
    return {one["name"]: one for one in [*status.get("initContainerStatuses", ()), *status["containerStatuses"]]}


def _has_grace(probe: Any) -> bool:
    return isinstance(probe, dict) and "terminationGracePeriodSeconds" in probe
