"""Whether a worker has joined and may go, by what its scheduler said and when."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.kinds import Key
from models.resources import DaskCluster
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from models.status import Retirement
from reconciler.rules.dask_workers import DaskWorkers, Knowledge, asked_to_retire
from reconciler.rules.parts import ClusterParts
from tests.builders import NOON, cluster, default_group, scheduler, worker, workers, world
from tests.manifests import pod_spec

ONE = cluster()
SECURED = cluster(scheduler={"spec": pod_spec(args=["dask", "scheduler", "--protocol", "tls"])})
HEAD = scheduler(ONE)
GROUP = default_group(ONE)
POD = worker(GROUP, ONE)
NAME, UID = POD.metadata.name, HEAD.metadata.uid
SECOND = timedelta(seconds=1)
ASKED = Retirement(name=NAME, uid=POD.metadata.uid, since=NOON, asked=NOON, deadline=NOON + 300 * SECOND)


def _answer(*workers: DaskWorker, **more: object) -> SchedulerAnswer:
    return replace(SchedulerAnswer(UID, NOON + SECOND, workers, is_weighed=True), **more)  # type: ignore[arg-type]


def _seen(answer: SchedulerAnswer | None, *, later: timedelta = SECOND, is_asked: bool = True) -> DaskWorkers:
    answers: dict[Key, SchedulerAnswer] = {} if answer is None else {ONE.key: answer}
    snapshot = world(ONE, HEAD, GROUP, POD, at=NOON + later)
    return DaskWorkers(ClusterParts(ONE, replace(snapshot, schedulers=answers if is_asked else None)))


SILENT = {"error": "it does not answer", "is_silent": True}
BARRED = {**SILENT, "is_barred": True}


ME = DaskWorker(NAME, "")
GOING = replace(ME, is_retiring=True, heartbeats=HEARTBEATS)
HEIR = DaskWorker("another", "")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(_seen(None, is_asked=False), (Knowledge.UNASKED, True, True), id="nobody asks"),
        pytest.param(_seen(None), (Knowledge.AWAITED, None, False), id="not answered yet"),
        pytest.param(_seen(SchedulerAnswer("another")), (Knowledge.AWAITED, None, False), id="another's answer"),
        pytest.param(_seen(_answer()), (Knowledge.KNOWN, False, True), id="never joined"),
        pytest.param(_seen(_answer(ME, HEIR)), (Knowledge.KNOWN, True, False), id="not retiring yet"),
        pytest.param(_seen(_answer(GOING)), (Knowledge.KNOWN, True, True), id="retired and empty"),
        pytest.param(
            _seen(_answer(replace(GOING, unique_keys=1), HEIR)), (Knowledge.KNOWN, True, False), id="holds a result"
        ),
        pytest.param(_seen(_answer(replace(GOING, unique_keys=1))), (Knowledge.KNOWN, True, True), id="has no heir"),
        pytest.param(_seen(_answer(replace(GOING, running=1))), (Knowledge.KNOWN, True, False), id="works"),
        pytest.param(_seen(_answer(replace(GOING, heartbeats=1), HEIR)), (Knowledge.KNOWN, True, False), id="old news"),
        pytest.param(
            _seen(_answer(GOING, HEIR, is_weighed=False)), (Knowledge.KNOWN, True, False), id="not asked what it holds"
        ),
        pytest.param(_seen(_answer(replace(ME, tasks=1))), (Knowledge.KNOWN, True, False), id="has tasks and no heir"),
        pytest.param(
            _seen(_answer(at=NOON - SECOND)), (Knowledge.KNOWN, False, False), id="was not there before it was asked"
        ),
        pytest.param(
            _seen(_answer(replace(GOING, unique_keys=1), has_others=True)),
            (Knowledge.KNOWN, True, False),
            id="has an heir elsewhere",
        ),
        pytest.param(_seen(_answer(ME), later=300 * SECOND), (Knowledge.KNOWN, True, True), id="too late"),
        pytest.param(_seen(_answer(ME, HEIR, **SILENT)), (Knowledge.SILENT, True, False), id="fell silent"),
        pytest.param(_seen(_answer(at=None, **SILENT)), (Knowledge.SILENT, True, False), id="has been silent since"),
        pytest.param(
            _seen(_answer(ME), later=12 * SECOND), (Knowledge.KNOWN, True, False), id="idle long ago, no heir"
        ),
        pytest.param(
            _seen(_answer(GOING, HEIR), later=12 * SECOND), (Knowledge.KNOWN, True, True), id="let go long ago"
        ),
        pytest.param(_seen(_answer(at=None, **BARRED)), (Knowledge.UNASKED, True, True), id="may not be asked"),
        pytest.param(_seen(_answer(ME, HEIR, **BARRED)), (Knowledge.SILENT, True, False), id="may not any more"),
    ],
)
def test_who_has_joined_and_who_may_go(seen: DaskWorkers, expected: tuple[Knowledge, bool | None, bool]) -> None:
    """A worker goes when its scheduler has nothing left with it, or at its deadline: until then nothing is lost."""
    assert (seen.knowledge, seen.has_joined(POD), seen.may_go(POD, ASKED)) == expected


def test_a_worker_that_has_joined_is_waited_for_though_its_pod_is_not_ready() -> None:
    """A busy worker's probe fails, and a kubelet tells late what runs: its scheduler knows better what it has."""
    unready = worker(GROUP, ONE, ready=False)
    holding = _seen(_answer(DaskWorker(NAME, "", unique_keys=1), HEIR))
    assert holding.is_asked_to_retire(unready)
    assert not holding.may_go(unready, ASKED)
    assert _seen(_answer(HEIR)).may_go(unready, ASKED)


UNASKED = Retirement(name=NAME, uid=POD.metadata.uid, since=NOON)
FROM_NEXT_YEAR = ASKED.model_copy(update={"asked": NOON + timedelta(days=365), "deadline": NOON + timedelta(days=366)})


@pytest.mark.parametrize(
    ("seen", "is_asked_anew"),
    [
        pytest.param(_seen(_answer(ME, HEIR)), True, id="it has joined"),
        pytest.param(_seen(None), True, id="it may have joined"),
        pytest.param(_seen(_answer(HEIR)), False, id="it has never joined"),
        pytest.param(_seen(_answer(at=None, **SILENT)), False, id="its scheduler has never answered"),
        pytest.param(_seen(None, is_asked=False), False, id="nobody asks"),
    ],
)
def test_who_was_chosen_when_nobody_could_ask_it_is_asked_as_soon_as_one_can(
    seen: DaskWorkers,
    is_asked_anew: bool,  # noqa: FBT001
) -> None:
    """A daemon may end between the decision and the deletion: until the next comes, a worker starts and joins."""
    for chosen in (UNASKED, FROM_NEXT_YEAR):
        assert seen.is_asked_anew(POD, chosen) is is_asked_anew
        assert seen.may_go(POD, chosen) is not is_asked_anew
    assert not seen.is_asked_anew(POD, ASKED)


def test_nobody_is_asked_whose_scheduler_has_never_answered() -> None:
    """It goes at once; whoever was asked is waited for, since a daemon that has just started has heard nothing yet."""
    assert not _seen(_answer(at=None, **SILENT)).is_asked_to_retire(POD)
    assert _seen(_answer(ME, **SILENT)).is_asked_to_retire(POD)


@pytest.mark.parametrize("holds", [True, False])
def test_the_last_workers_wait_for_each_others_tasks_if_they_hold_something(holds: bool) -> None:  # noqa: FBT001
    """A task of one may need the result that another holds, and would have it computed again."""
    pods = workers(GROUP, ONE, 1, 2)
    going = [{**ASKED.wire(), "name": pod.metadata.name, "uid": pod.metadata.uid} for pod in pods]
    group = default_group(ONE, status={"decisions": {"retiring": going}})
    idle, busy = (DaskWorker(pod.metadata.name, "") for pod in pods)
    found = _answer(replace(idle, unique_keys=holds), replace(busy, running=1))
    snapshot = replace(world(ONE, HEAD, group, *pods, at=NOON + SECOND), schedulers={ONE.key: found})
    dask = DaskWorkers(ClusterParts(ONE, snapshot))
    assert [dask.may_go(pod, ASKED) for pod in pods] == [not holds, False]


def test_a_worker_that_has_not_started_is_asked_for_nothing() -> None:
    """It has no address yet, from which it could have joined."""
    assert not _seen(_answer(HEIR)).is_asked_to_retire(worker(GROUP, ONE, phase="Pending", ip=""))


@pytest.mark.parametrize("all_go", [True, False])
def test_of_workers_that_go_together_none_takes_what_another_holds(all_go: bool) -> None:  # noqa: FBT001
    """Their scheduler lets none of them go then: when their tasks are done, they go as they are."""
    pods = workers(GROUP, ONE, 1, 2)
    going = [{**ASKED.wire(), "name": pod.metadata.name, "uid": pod.metadata.uid} for pod in pods[: 1 + all_go]]
    group = default_group(ONE, status={"decisions": {"retiring": going}})
    found = _answer(*(DaskWorker(pod.metadata.name, "", unique_keys=1) for pod in pods))
    snapshot = replace(world(ONE, HEAD, group, *pods, at=NOON + SECOND), schedulers={ONE.key: found})
    assert DaskWorkers(ClusterParts(ONE, snapshot)).may_go(pods[0], ASKED) is all_go


@pytest.mark.parametrize(
    ("of", "state"),
    [
        pytest.param(ONE, {"ready": False}, id="not ready"),
        pytest.param(ONE, {"phase": "Pending"}, id="pending"),
        pytest.param(ONE, {"ip": ""}, id="without an address"),
        pytest.param(ONE, {"template_hash": "old"}, id="about to be replaced"),
        pytest.param(SECURED, {}, id="speaks TLS"),
    ],
)
def test_a_scheduler_that_cannot_be_asked_is_waited_for_by_nobody(of: DaskCluster, state: dict[str, object]) -> None:
    """What it knew is gone with it, or nobody can ask; one that runs may be ready again, which is waited for."""
    snapshot = world(of, scheduler(of, **state), default_group(of), worker(default_group(of), of))
    for answers in ({}, {of.key: _answer()}):
        seen = DaskWorkers(ClusterParts(of, replace(snapshot, schedulers=answers)))
        assert (seen.knowledge, seen.has_joined(POD), seen.are_weighed) == (Knowledge.UNASKED, True, True)
        may_be_ready_again = state == {"ready": False}
        assert seen.may_go(POD, ASKED) is not may_be_ready_again
        assert seen.is_asked_to_retire(POD) is may_be_ready_again


@pytest.mark.parametrize("named", [True, False])
def test_an_address_that_pods_share_tells_nothing_of_who_is_to_go(named: bool) -> None:  # noqa: FBT001
    """As with `hostNetwork`: else all workers of a node were let go with one, and those that came in their place."""
    pods = workers(GROUP, ONE, 1, 2)
    going = {**ASKED.wire(), "name": pods[0].metadata.name, "uid": pods[0].metadata.uid}
    group = default_group(ONE, status={"decisions": {"retiring": [going]}})
    ip = pods[0].status.pod_ip
    answer = _answer(*(DaskWorker(pod.metadata.name if named else f"tcp://{ip}:{n}", ip) for n, pod in enumerate(pods)))
    parts = ClusterParts(ONE, replace(world(ONE, HEAD, group, *pods, at=NOON + SECOND), schedulers={ONE.key: answer}))
    told = [one.name for asked in asked_to_retire(parts) for one in answer.workers_in(*asked)]
    assert told == ([pods[0].metadata.name] if named else [])
    dask = DaskWorkers(parts)
    assert [dask.has_joined(pod) for pod in pods] == [True, True]
    assert [len(dask.inside(pod)) for pod in pods] == [named, named]
    assert dask.may_go(pods[0], ASKED) is not named


def test_a_pods_processes_are_found_by_its_name_or_by_where_they_have_joined_from() -> None:
    """`--nworkers` numbers them; a user's own `--name` leaves only the address."""
    one, two, other, own = (DaskWorker(*given) for given in (("p-0", ""), ("p-1", ""), ("q-0", ""), ("x", "10.0.0.9")))
    answer = _answer(one, two, other, own, DaskWorker("pod", "10.0.0.9"))
    assert set(answer.workers_in("p", "")) == {one, two}
    assert [worker.name for worker in answer.workers_in("pod", "10.0.0.1")] == ["pod"]
    assert {worker.name for worker in answer.workers_in("nobody", "10.0.0.9")} == {"x", "pod"}
    assert not answer.workers_in("nobody", "")
