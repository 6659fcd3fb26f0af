"""What is lost with a scheduler: told while there is none, and when there is another."""

from dataclasses import replace

from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Owner, Snapshot
from reconciler.passes.values import Verb
from tests.builders import NOON, built, cluster, default_group, scheduler, services, workers, world
from tests.unit.passes.report.podstates import NEW, READY
from tests.unit.passes.report.test_events import wrote
from tests.unit.passes.report.told import Told, told

ONE = cluster()
HEAD = scheduler(ONE)
PODS = workers(default_group(ONE), ONE, 1, 2, 3)
LOST = "When the scheduler last answered, 5 tasks were under way, and 2 of 3 workers held results."


def _answer(*held: int, tasks: int = 5) -> SchedulerAnswer:
    busy = (
        DaskWorker(str(number), "", tasks=tasks * (not number), managed_bytes=size) for number, size in enumerate(held)
    )
    return SchedulerAnswer(HEAD.metadata.uid, NOON, tuple(busy), is_weighed=True)


def _without_scheduler(ready: Told, answer: SchedulerAnswer | None) -> Snapshot:
    left = [one for one in ready.world.objects.values() if one.key != HEAD.key]
    return replace(world(*left), schedulers={} if answer is None else {ONE.key: answer})


def _ready() -> Told:
    return told(world(*built(ONE, READY, READY, READY)))


def test_what_depended_on_a_scheduler_is_told_until_there_is_another() -> None:
    """It last told a moment before; then only the condition knows, and the Event says it once more."""
    leaving = scheduler(ONE, deleting=True)
    going = told(replace(_ready().world.fold({HEAD.key: leaving}), schedulers={ONE.key: _answer(0, 9, 9)}))
    assert (
        going.condition(ONE, "SchedulerReady").message
        == f"The scheduler Pod simple-scheduler cannot be used any more: deletion was requested. {LOST}"
    )
    later = told(replace(going.world, schedulers={}))
    assert later.condition(ONE, "SchedulerReady").message.endswith(LOST)
    known, fresh = later.world.objects[ONE.key], scheduler(ONE, NEW)
    assert isinstance(known, Owner)
    before = _without_scheduler(later, None)
    healed = told(before.fold({fresh.key: fresh}), before=before, responses=[wrote(Verb.CREATE, fresh, known)])
    assert healed.events["SchedulerRecreated"] == (
        f"The scheduler Pod simple-scheduler was created, since the one before it is gone. {LOST}"
    )
    again = told(replace(healed.world.fold({fresh.key: HEAD}), schedulers={}))
    assert again.condition(ONE, "SchedulerReady").message == "The scheduler Pod simple-scheduler is ready."


def test_of_an_idle_scheduler_nothing_is_lost() -> None:
    """Nobody is alarmed."""
    gone = told(_without_scheduler(_ready(), _answer(0, 0, 0, tasks=0)))
    assert gone.condition(ONE, "SchedulerReady").message == "The scheduler Pod has not been created yet."


def test_a_scheduler_that_is_ready_is_told_without_its_work() -> None:
    """What its workers do changes all the time."""
    there = replace(world(ONE, HEAD, *services(ONE), default_group(ONE), *PODS), schedulers={ONE.key: _answer(9, 9, 9)})
    assert told(there).condition(ONE, "SchedulerReady").message == "The scheduler Pod simple-scheduler is ready."
