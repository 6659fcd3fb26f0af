"""Events on worker groups: scaling and rollouts."""

import pytest

from models.kinds import POD, Key
from models.observed import Pod
from models.snapshot import Observed, Owner
from reconciler.passes.values import Action, Response, Result, Verb
from tests.builders import built, cluster, default_group, scheduler, worker, workers, world
from tests.unit.passes.report.podstates import NEW, READY, failed
from tests.unit.passes.report.told import LATER, Told, told, with_decision

SIMPLE = cluster()
DEFAULT = default_group(SIMPLE)
OLD = workers(DEFAULT, SIMPLE, 1, 2, 3, stale=True)


def wrote(verb: Verb, one: Pod, owner: Owner = DEFAULT) -> Response:
    """An answer to a write that succeeded."""
    return Response(Action(verb, one.key, owner.key, owner.key, "", uid=one.metadata.uid), Result.DONE)


def after(before: Told, *pods: Pod, responses: tuple[Response, ...] = (), let_go: int = 0) -> Told:
    """The next pass: statuses as they were written, and other Pods, with so many decided to go."""
    known = [with_decision(one, let_go) for one in before.world.objects.values() if not isinstance(one, Pod)]
    return told(world(*known, scheduler(SIMPLE), *pods), before=before.world, responses=responses, at=LATER)


def test_a_rollout_that_ends_is_news() -> None:
    """Who edited the template wants to know when it is done."""
    rolling = told(world(*built(SIMPLE), *OLD))
    over = after(rolling, *workers(DEFAULT, SIMPLE, 4, 5, 6))
    assert over.events["WorkersRolledOut"] == "All 3 workers are from the present template."


@pytest.mark.parametrize(
    ("old", "new", "created", "deleted", "said"),
    [
        (0, 3, 3, 0, {"ScaledUp": "Scaled from 0 to 3 workers."}),
        (1, 3, 1, 0, {"ScaledUp": "Scaled from 1 to 2 workers; 3 are wanted."}),
        (5, 3, 0, 2, {"ScaledDown": "Scaled from 5 to 3 workers."}),
        (3, 3, 0, 0, {}),
        (3, 3, 1, 1, {}),
    ],
)
def test_scaling_is_told_once_a_pass_with_numbers(
    old: int, new: int, created: int, deleted: int, said: dict[str, str]
) -> None:
    """Thousands of Pods make one Event."""
    before = [worker(DEFAULT, SIMPLE, n) for n in range(old)]
    fresh = [worker(DEFAULT, SIMPLE, n) for n in range(100, 100 + created)]
    wanted = default_group(SIMPLE, replicas=new)
    answers = [wrote(Verb.CREATE, one, wanted) for one in fresh]
    answers += [wrote(Verb.DELETE, one, wanted) for one in before[:deleted]]
    left: tuple[Observed, ...] = (SIMPLE, wanted, *before[deleted:], *fresh)
    assert told(world(*left), before=world(SIMPLE, wanted, *before), responses=answers).events == said


def test_workers_replaced_by_a_rollout_are_not_told_one_by_one() -> None:
    """A rollout is told when it is over."""
    rolling = told(world(*built(SIMPLE), *OLD))
    gone, fresh = worker(DEFAULT, SIMPLE, 1, stale=True), worker(DEFAULT, SIMPLE, 4, NEW)
    left = workers(DEFAULT, SIMPLE, 2, 3, stale=True)
    assert after(rolling, *left, responses=(wrote(Verb.DELETE, gone, DEFAULT),), let_go=1).events == {}
    half = after(rolling, *left, let_go=1)
    assert after(half, *left, fresh, responses=(wrote(Verb.CREATE, fresh, DEFAULT),), let_go=1).events == {}


def test_removing_workers_that_had_ended_is_no_scaling() -> None:
    """They no longer counted."""
    over = worker(DEFAULT, SIMPLE, 1, failed())
    answers = [wrote(Verb.DELETE, over, DEFAULT)]
    assert told(world(SIMPLE, DEFAULT), before=world(SIMPLE, DEFAULT, over), responses=answers).events == {}


def test_pods_of_other_kinds_do_not_count_as_workers() -> None:
    """Only Pods that were created on behalf of the group are its scaling."""
    fresh = Key(POD, "default", "elsewhere")
    answer = Response(Action(Verb.CREATE, fresh, SIMPLE.key, SIMPLE.key, ""), Result.DONE)
    assert told(world(SIMPLE, DEFAULT), responses=[answer]).events == {}


def test_the_first_worker_of_a_rollout_is_no_scaling() -> None:
    """A surge makes the group larger for a while, and nobody scaled it."""
    settled = told(world(*built(SIMPLE, READY, READY, READY)))
    fresh = worker(DEFAULT, SIMPLE, 4, NEW)
    assert after(settled, *OLD, fresh, responses=(wrote(Verb.CREATE, fresh),)).events == {}


def test_the_last_worker_that_a_rollout_takes_away_is_no_scaling() -> None:
    """What a surge added is taken away again."""
    rolling = told(world(*built(SIMPLE), OLD[0], *workers(DEFAULT, SIMPLE, 4, 5, 6)))
    over = after(rolling, *workers(DEFAULT, SIMPLE, 4, 5, 6), responses=(wrote(Verb.DELETE, OLD[0]),))
    assert set(over.events) == {"WorkersRolledOut"}
