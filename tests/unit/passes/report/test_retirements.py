"""What is told of workers that retire, in their group's status and in Events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from models.observed import Pod
from models.resources import DaskWorkerGroup
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from models.snapshot import Observed
from models.status import Retirement
from reconciler.passes.values import Action, Body, Response, Result, Verb
from tests.builders import NOON, built, cluster, default_group, scheduler, services, workers, world
from tests.unit.passes.report.told import Told, told

SIMPLE = cluster(replicas=1)
HEAD = scheduler(SIMPLE)
GROUP = default_group(SIMPLE)
HEIR, FIRST, SECOND, THIRD = workers(GROUP, SIMPLE, 1, 2, 3, 4)
AGO = timedelta(minutes=1)


def retiring(*pods: Pod, late: bool = False, **status: object) -> DaskWorkerGroup:
    """The group in which those workers were asked to go a minute ago, with 2 MB each."""
    deadline = NOON - AGO / 2 if late else NOON + AGO
    chosen = tuple(
        Retirement(
            name=pod.metadata.name,
            uid=pod.metadata.uid,
            since=NOON - AGO,
            asked=NOON - AGO,
            deadline=deadline,
            unique_bytes=2_000_000,
        )
        for pod in pods
    )
    decisions = GROUP.status.decisions.model_copy(update={"retiring": chosen, "released": len(pods)})
    return GROUP.model_copy(update={"status": GROUP.status.model_copy(update={"decisions": decisions, **status})})


def done(pod: Pod, **left: int) -> DaskWorker:
    """A worker that retires, with what is left there."""
    return replace(DaskWorker(pod.metadata.name, "", is_retiring=True, heartbeats=HEARTBEATS), **left)  # type: ignore[arg-type]


def report(
    group: DaskWorkerGroup, deleted: Sequence[Pod], still_here: Sequence[Pod], inside: Sequence[DaskWorker]
) -> Told:
    """The report of a pass that has deleted those workers."""
    actions = (Action(Verb.DELETE, one.key, group.key, SIMPLE.key, "", uid=one.metadata.uid) for one in deleted)
    there: Sequence[Observed] = (SIMPLE, HEAD, *services(SIMPLE), group, *still_here)
    answers = {SIMPLE.key: SchedulerAnswer(HEAD.metadata.uid, NOON, tuple(inside), is_weighed=True)}
    before, after = world(*there, *deleted), world(*there)
    return told(
        replace(after, schedulers=answers),
        before=replace(before, schedulers=answers),
        responses=[Response(action, Result.DONE) for action in actions],
    )


def numbers(said: Told) -> Body | None:
    found = said.world.objects[GROUP.key]
    assert isinstance(found, DaskWorkerGroup)
    return found.status.retirements.wire() if found.status.retirements is not None else None


NOTHING = {"movedBytes": 0, "givenUp": 0, "lostTasks": 0, "lostResults": 0, "lostBytes": 0}


def test_workers_that_have_gone_are_told_of_when_the_last_has() -> None:
    """In one Event, however many they are; the numbers are there at once, and add up."""
    group = retiring(FIRST, SECOND, THIRD)
    begun = report(group, [FIRST], [HEIR, SECOND, THIRD], [done(FIRST), done(SECOND, unique_keys=1)])
    assert "WorkersRetired" not in begun.events
    assert numbers(begun) == {**NOTHING, "movedBytes": 2_000_000}
    known = begun.world.objects[GROUP.key]
    assert isinstance(known, DaskWorkerGroup)
    over = report(known, [SECOND, THIRD], [HEIR], [done(SECOND), done(THIRD)])
    assert over.events["WorkersRetired"] == (
        "3 workers have retired, with 6.0 MB of results at first that no other worker had."
    )
    assert numbers(over) == {**NOTHING, "movedBytes": 6_000_000}


def test_workers_that_are_given_up_are_a_warning_that_says_what_was_lost() -> None:
    """All of a pass in one."""
    left = [done(FIRST, running=2, unique_keys=1, unique_bytes=1500), done(SECOND, running=1)]
    said = report(retiring(FIRST, SECOND, late=True), [FIRST, SECOND], [HEIR], left)
    assert said.events["RetirementGivenUp"] == (
        "2 workers were deleted at the deadline, with 3 tasks that ran and 1 result (1.5 kB) that no other worker had."
    )
    assert numbers(said) == {
        "movedBytes": 2 * 2_000_000 - 1500,
        "givenUp": 2,
        "lostTasks": 3,
        "lostResults": 1,
        "lostBytes": 1500,
    }


def test_what_nobody_was_left_to_take_is_told() -> None:
    """As when a cluster is scaled to nothing."""
    said = report(retiring(FIRST), [FIRST], [], [done(FIRST, unique_keys=3, unique_bytes=2_000_000)])
    assert said.events["WorkersRetired"] == (
        "A worker has retired, with 2.0 MB of results at first that no other worker had. Nobody was left to take all "
        "of it: the last went with 3 results (2.0 MB) that no other worker had."
    )


@pytest.mark.parametrize("inside", [[], [DaskWorker("another", "")]])
def test_of_workers_that_had_not_joined_nothing_is_told(inside: Sequence[DaskWorker]) -> None:
    """They had nothing to hand over."""
    said = report(retiring(FIRST), [FIRST], [HEIR], inside)
    assert not {"WorkersRetired", "RetirementGivenUp"} & said.events.keys()
    assert numbers(said) is None


def test_a_report_that_is_made_again_counts_nothing_twice() -> None:
    """The numbers are those before the pass, and what it has ended."""
    group = retiring(FIRST)
    first, again = (report(group, [FIRST], [HEIR], [done(FIRST)]) for _ in range(2))
    assert numbers(first) == numbers(again) == {**NOTHING, "movedBytes": 2_000_000}


def test_how_many_were_let_go_follows_from_the_decisions() -> None:
    """Those that were chosen and are ready still are not gone yet; the cluster has the sum."""
    group = retiring(FIRST, SECOND)
    found = told(world(*built(SIMPLE)[:-1], group, HEIR, SECOND))
    assert found.statuses[GROUP.key]["retiredReplicas"] == 1
    assert found.statuses[SIMPLE.key]["retiredWorkers"] == 1
