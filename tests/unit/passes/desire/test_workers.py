"""Workers: who is kept, created, let go, deleted, and in what order that is decided."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.base import wire_time
from models.observed import Pod
from models.resources import DaskWorkerGroup
from models.scheduler_answer import HEARTBEATS, DaskWorker, SchedulerAnswer
from reconciler.passes.desire import desire
from reconciler.passes.values import Body, Desired
from reconciler.rules.labels import ORDINAL, SCHEDULER_HASH, TEMPLATE_HASH
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import scheduler_hash, worker_hash
from tests.builders import NOON, RUNNING, ended, group, pod, reasons, scheduler, worker, workers, world
from tests.unit.passes.desire.groups import (
    HEAD,
    ONE,
    chosen,
    created,
    decisions,
    deleted,
    desired,
    group_of_one,
    kept,
    leaving,
    name_of,
    three,
)


def test_a_new_group_gets_its_workers_with_their_names_in_their_environment() -> None:
    """Each knows its own name, where the scheduler is, and what it was made from."""
    one = group_of_one(
        labels={"a": "group", "b": "group"}, worker={"metadata": {"labels": {"b": "pod"}, "annotations": {"c": "d"}}}
    )
    found = desired(one)
    assert created(found) == [name_of(1), name_of(2), name_of(3)]
    body = found.wanted[1].body
    assert body["metadata"]["labels"] == {
        "team": "cluster",
        "a": "group",
        "b": "pod",
        "dask.org/cluster-name": "simple",
        "dask.org/component": "worker",
        "dask.org/workergroup-name": "more",
        "kubernetes.dask.org/cluster": "simple",
        "sidecar.istio.io/inject": "false",
    }
    annotations = body["metadata"]["annotations"]
    assert (annotations["c"], annotations[ORDINAL]) == ("d", "2")
    assert annotations[TEMPLATE_HASH] == worker_hash(one, ONE)
    assert annotations[SCHEDULER_HASH] == scheduler_hash(ONE)
    assert body["spec"]["containers"][0]["env"] == [
        {"name": "DASK_WORKER_NAME", "value": name_of(2)},
        {"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://simple-scheduler.default.svc:8786"},
    ]


def test_a_long_group_name_is_shortened_in_the_label_and_nowhere_else() -> None:
    """A label's value has 63 characters at most, a Pod's name 253."""
    one = group(ONE, "g" * 100, replicas=1)
    (wanted,) = desired(one).wanted
    assert wanted.key.name.startswith("g" * 100 + "-worker-")
    assert len(wanted.body["metadata"]["labels"]["dask.org/workergroup-name"]) == 63


def test_enough_workers_are_kept_as_they_are() -> None:
    """Ready or not."""
    one = group_of_one(status=chosen())
    found = desired(one, worker(one, ONE, 1), worker(one, ONE, 2, ready=False), worker(one, ONE, 3, phase="Pending"))
    assert kept(found) == [name_of(1), name_of(2), name_of(3)]
    assert (created(found), found.records, found.unwanted) == ([], (), ())


def test_a_worker_whose_container_ended_beside_a_sidecar_has_ended() -> None:
    """The kubelet does not start it again, and nobody else would."""
    one = group_of_one(replicas=1, status=chosen())
    containers = {"vault-agent": RUNNING, "main": ended(1)}
    found = desired(one, worker(one, ONE, 1, containers=containers, restart_policy="Never", ready=False))
    assert leaving(found) == [name_of(1)]
    assert decisions(found)["failures"]["count"] == 1
    restarted = worker(one, ONE, 1, containers=containers, restart_policy="Always", ready=False)
    assert desired(one, restarted).records == ()


def test_a_worker_that_gave_up_before_there_was_a_scheduler_is_no_failure() -> None:
    """It is replaced at once, and from the third time in a row after a wait."""
    one = group_of_one(replicas=1)
    early = worker(one, ONE, 1, phase="Failed", containers={"main": ended(1, at=NOON)})
    for head, counted in ((scheduler(ONE, ready=False), "losses"), (HEAD, "failures")):
        found = desire(one, world(ONE, head, one, early), Naming.CLASSIC)
        assert {"failures", "losses"}.intersection(decisions(found)) == {counted}


def test_who_goes_is_written_down_before_anything_is_deleted() -> None:
    """Under guard of the group's version, with uid and time; two reconcilers cannot choose differently."""
    one = group_of_one(replicas=1)
    second, third = worker(one, ONE, 2, ready=False), worker(one, ONE, 3)
    found = desired(one, worker(one, ONE, 1), second, third)
    assert (kept(found), created(found), deleted(found)) == ([name_of(n) for n in (1, 2, 3)], [], [])
    (record,) = found.records
    assert record.resource is one
    retiring: list[Body] = [
        {"name": pod.metadata.name, "uid": pod.metadata.uid, "since": "2026-01-31T12:00:00Z"} for pod in (second, third)
    ]
    retiring[0]["ready"] = False
    assert decisions(found)["released"] == 1
    assert sorted(decisions(found)["retiring"], key=lambda one: one["uid"]) == sorted(
        retiring, key=lambda one: one["uid"]
    )
    assert set(record.doomed) == {second.metadata.uid, third.metadata.uid}
    assert record.reason == "2 to go: the group has 3 workers and wants 1"


def test_only_who_is_written_down_is_deleted() -> None:
    """And only once."""
    here = three(group_of_one())
    going = worker(group_of_one(), ONE, 3, deleting=NOON)
    one = group_of_one(replicas=1, status=chosen(here[1], going))
    found = desired(one, here[0], here[1], going)
    assert (deleted(found), kept(found), found.records) == ([name_of(2)], [name_of(1)], ())


def test_a_later_worker_of_the_same_name_was_not_chosen() -> None:
    """It is the uid that was chosen."""
    first, second, third = three(group_of_one())
    one = group_of_one(replicas=3, status=chosen(worker(group_of_one(), ONE, 3, uid="an-earlier-one")))
    found = desired(one, first, second, third)
    assert (deleted(found), len(kept(found))) == ([], 3)


def test_a_chosen_worker_takes_up_room_until_its_deletion_has_begun() -> None:
    """Where deletions are held back, workers do not pile up: neither one of an older template nor an orphan."""
    for more in ({"stale": True}, {"orphaned": True}):
        here = [worker(group_of_one(), ONE, 1), *(worker(group_of_one(), ONE, n, **more) for n in (2, 3))]
        one = group_of_one(replicas=3, status=chosen(*here[1:]))
        found = desired(one, *here)
        assert (created(found), sorted(deleted(found))) == ([], sorted([name_of(2), name_of(3)]))
        going = [worker(one, ONE, n, deleting=NOON, **more) for n in (2, 3)]
        assert created(desired(one, here[0], *going)) == [name_of(4), name_of(5)]


def test_who_was_chosen_is_taken_back_when_it_is_wanted_again() -> None:
    """An edit that is undone costs nobody a worker whose deletion has not begun; the record says so first."""
    here = three(group_of_one())
    one = group_of_one(replicas=2, status=chosen(here[1], here[2]))
    found = desired(one, *here)
    assert leaving(found) == [name_of(3)]
    assert (deleted(found), sorted(kept(found)), created(found)) == ([name_of(3)], sorted([name_of(1), name_of(2)]), [])
    (record,) = found.records
    assert (record.reason, record.doomed) == ("1 to stay: it is wanted again", ())
    gone = desired(one, here[0], worker(one, ONE, 2, deleting=NOON), worker(one, ONE, 3, deleting=NOON))
    assert created(gone) == [name_of(4)]


def test_who_has_ended_is_not_taken_back() -> None:
    """It is of no use to anyone."""
    here = [worker(group_of_one(), ONE, 1), worker(group_of_one(), ONE, 2, phase="Failed")]
    one = group_of_one(replicas=2, status=chosen(here[1]))
    found = desired(one, *here)
    assert (deleted(found), created(found)) == ([name_of(2)], [name_of(4)])


def test_who_is_gone_is_dropped_from_the_decision_with_the_next() -> None:
    """The list stays as long as the group at most."""
    here = three(group_of_one())
    one = group_of_one(replicas=1, status=chosen(here[2], pod("long-gone")))
    assert sorted(leaving(desired(one, *here))) == sorted([name_of(2), name_of(3)])


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_worker_that_ended_is_counted_and_replaced_after_a_wait(phase: str) -> None:
    """First it is written down, then it is deleted; its successor comes when the wait is over."""
    one = group_of_one()
    pods = [worker(one, ONE, 1), worker(one, ONE, 2), worker(one, ONE, 3, phase=phase, exit_code=1)]
    (record,) = desired(one, *pods).records
    written = record.body["status"]["decisions"]
    assert [one["name"] for one in written["retiring"]] == [name_of(3)]
    assert written["failures"]["count"] == 1
    assert "exit code 1" in record.reason
    assert created(desired(one, *pods)) == []

    counted = group_of_one(status={"decisions": written})
    found = desired(counted, *pods)
    assert deleted(found) == [name_of(3)]
    assert (created(found), reasons(found.findings)) == ([], [Reason.BACK_OFF])
    assert "2026-01-31T12:00:10Z" in found.findings[0].message
    later = desired(counted, *pods[:2], at=NOON + timedelta(seconds=10))
    assert (created(later), later.findings) == ([name_of(4)], ())


def test_a_worker_that_was_taken_away_is_replaced_without_a_wait() -> None:
    """It ran no crashing image: once the loss is written down, the next one comes; the third in a row waits."""
    one = group_of_one(replicas=1)
    lost = worker(one, ONE, 1, phase="Failed", disrupted=True)
    found = desired(one, lost)
    written = decisions(found)
    assert (created(found), leaving(found), written["losses"]["count"]) == ([], [name_of(1)], 1)
    assert "failures" not in written
    counted = group_of_one(replicas=1, status={"decisions": written})
    again = desired(counted, lost)
    assert (created(again), deleted(again), again.findings) == ([name_of(2)], [name_of(1)], ())
    third = {"losses": {**written["losses"], "count": 3}}
    waiting = desired(group_of_one(replicas=1, status={"decisions": third}))
    assert (created(waiting), reasons(waiting.findings)) == ([], [Reason.BACK_OFF])


def test_the_wait_holds_up_nothing_but_new_workers() -> None:
    """Scaling down goes on, and enough workers say nothing of a wait."""
    failures = {"count": 3, "lastTime": "2026-01-31T12:00:00Z", "templateHash": worker_hash(group_of_one(), ONE)}
    one = group_of_one(status={"decisions": {"failures": failures}})
    assert desired(one, *three(one)).findings == ()
    fewer = group_of_one(replicas=1, status={"decisions": {"failures": failures}})
    assert len(leaving(desired(fewer, *three(fewer)))) == 2


def test_another_template_does_not_wait_for_the_failures_of_the_old_one() -> None:
    """Who mends the image sees it run at once."""
    failures = {"count": 6, "lastTime": "2026-01-31T12:00:00Z", "templateHash": "old"}
    one = group_of_one(status={"decisions": {"failures": failures}})
    assert len(created(desired(one))) == 3


def test_a_changed_template_rolls_one_by_one() -> None:
    """By default one goes at a time."""
    one = group_of_one()
    assert leaving(desired(one, *three(one, stale=True))) == [name_of(3)]


def test_a_worker_counts_as_available_after_min_ready_seconds() -> None:
    """Until then no other goes in a rolling update."""
    one = group_of_one(worker={"minReadySeconds": 60}, status=chosen())
    stale = workers(one, ONE, 1, 2, stale=True)
    fresh = worker(one, ONE, 3, ready_for=timedelta(seconds=59))
    assert desired(one, *stale, fresh).records == ()
    ripe = worker(one, ONE, 3, ready_for=timedelta(seconds=60))
    assert len(leaving(desired(one, *stale, ripe))) == 1


def test_recreate_waits_for_the_last_of_the_old_workers() -> None:
    """Terminating ones, unless they have ended, and those whose deletion is held back."""
    recreate = {"updateStrategy": {"type": "Recreate"}}
    one = group_of_one(worker=recreate)
    assert len(leaving(desired(one, *three(one, stale=True)))) == 3
    assert created(desired(one, worker(one, ONE, 1, stale=True, deleting=NOON))) == []
    held = worker(one, ONE, 1, stale=True, deleting=NOON, phase="Failed", finalizers=["kueue.x-k8s.io/managed"])
    assert len(created(desired(one, held))) == 3
    old = worker(one, ONE, 1, stale=True)
    assert created(desired(group_of_one(worker=recreate, status=chosen(old)), old)) == []
    assert len(created(desired(one))) == 3


def test_workers_of_a_scheduler_that_is_gone_go_with_it() -> None:
    """Once the deletion of the old scheduler has begun, and not while it is held back."""
    one = group_of_one(status=chosen())
    orphans = three(one, orphaned=True)
    assert len(leaving(desired(one, *orphans))) == 3
    living = world(ONE, scheduler(ONE, template_hash="old"), one, *orphans)
    assert desire(one, living, Naming.CLASSIC).records == ()


ANSWER = SchedulerAnswer(HEAD.metadata.uid, NOON, is_weighed=True)


def _told(one: DaskWorkerGroup, *pods: Pod, answer: SchedulerAnswer | None, seconds: int = 0) -> Desired:
    """What a group asks for when its scheduler has told something, or nothing yet."""
    answers = {ONE.key: answer} if answer is not None else {}
    snapshot = world(ONE, HEAD, one, *pods, at=NOON + timedelta(seconds=seconds))
    return desire(one, replace(snapshot, schedulers=answers), Naming.CLASSIC)


def _inside(pod: Pod, **more: Any) -> DaskWorker:
    return DaskWorker(pod.metadata.name, "10.0.0.8", **more)


def _asked(*pods: Pod) -> Body:
    """The status of a group in which the scheduler was asked to let those go."""
    asked = {"asked": wire_time(NOON), "deadline": wire_time(NOON + timedelta(seconds=300))}
    retiring = [{"name": pod.metadata.name, "uid": pod.metadata.uid, **asked} for pod in pods]
    return {"decisions": {"retiring": retiring, "highestOrdinal": 3}}


def test_who_is_chosen_is_asked_for_and_has_time_for_it() -> None:
    """Unless there is nothing to hand over: a Pod that has not started, or has ended."""
    one = group_of_one(replicas=1, worker={"retirementDeadlineSeconds": 60})
    busy, idle, pending = worker(one, ONE, 1), worker(one, ONE, 2), worker(one, ONE, 3, phase="Pending", ip="")
    answer = replace(ANSWER, workers=(_inside(busy, tasks=1), _inside(idle, unique_bytes=700)))
    found = _told(one, busy, idle, pending, answer=answer)
    known = ("asked", "deadline", "uniqueBytes")
    chosen = {one["name"]: tuple(map(one.get, known)) for one in decisions(found)["retiring"]}
    asked = ("2026-01-31T12:00:00Z", "2026-01-31T12:01:00Z", 700)
    assert chosen == {name_of(2): asked, name_of(3): (None, None, None)}
    assert deleted(found) == []


def test_who_has_joined_since_it_was_chosen_is_asked_before_it_is_deleted() -> None:
    """The daemon ended between the decision and the deletion; the decision is written anew, and dooms nobody else."""
    pods = three(group_of_one())
    one = group_of_one(replicas=1, status=chosen(*pods[1:]))
    answer = replace(ANSWER, workers=(_inside(pods[0]), _inside(pods[1], unique_keys=1)))
    found = _told(one, *pods, answer=answer)
    (record,) = found.records
    asked = {entry["name"]: entry.get("asked") for entry in decisions(found)["retiring"]}
    assert asked == {name_of(2): "2026-01-31T12:00:00Z", name_of(3): None}
    assert (record.reason, record.doomed) == ("1 to ask: their scheduler can be asked now", ())
    assert deleted(found) == [name_of(3)]
    written = group_of_one(replicas=1, status={"decisions": {**decisions(found), "highestOrdinal": 3}})
    again = _told(written, *pods[:2], answer=answer)
    assert (again.records, deleted(again)) == ((), [])


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(None, 0, id="none yet"),
        pytest.param(replace(ANSWER, is_weighed=False), 0, id="one without weights"),
        pytest.param(ANSWER, 11, id="an old one"),
        pytest.param(replace(ANSWER, at=NOON + timedelta(seconds=-11)), 0, id="one from before"),
    ],
)
def test_nobody_ready_is_chosen_while_an_answer_is_awaited(answer: SchedulerAnswer | None, seconds: int) -> None:
    """It is a second that counts little; a result of hours may be lost."""
    one = group_of_one(replicas=1, status=chosen())
    pods = three(one)
    if answer is not None:
        answer = replace(answer, workers=tuple(map(_inside, pods)))
    assert _told(one, *pods, answer=answer, seconds=seconds).records == ()


def test_a_worker_is_deleted_when_its_scheduler_has_nothing_left_with_it() -> None:
    """Or when its time is up."""
    pods = three(group_of_one())
    one = group_of_one(replicas=2, status=_asked(pods[0]))
    done = _inside(pods[0], is_retiring=True, heartbeats=HEARTBEATS)
    others = tuple(map(_inside, pods[1:]))
    full = replace(ANSWER, workers=(replace(done, unique_keys=1), *others))
    found = _told(one, *pods, answer=full)
    assert (deleted(found), kept(found)) == ([], [name_of(2), name_of(3), name_of(1)])
    assert deleted(_told(one, *pods, answer=full, seconds=299)) == []
    assert deleted(_told(one, *pods, answer=full, seconds=300)) == [name_of(1)]
    assert deleted(_told(one, *pods, answer=replace(ANSWER, workers=(done, *others)))) == [name_of(1)]


def test_a_worker_counts_as_available_when_it_has_joined() -> None:
    """Until then no other goes in a rolling update, though its Pod is ready."""
    one = group_of_one(status=chosen())
    stale, fresh = workers(one, ONE, 1, 2, stale=True), worker(one, ONE, 3)
    without = replace(ANSWER, workers=tuple(map(_inside, stale)))
    assert _told(one, *stale, fresh, answer=without).records == ()
    joined = replace(without, workers=(*without.workers, _inside(fresh)))
    assert leaving(_told(one, *stale, fresh, answer=joined)) == [name_of(2)]


def test_the_processes_of_a_pod_are_weighed_together() -> None:
    """One of two that works keeps the Pod; one of two that was let go lets the Pod go."""
    one = group_of_one(replicas=1)
    first, second = workers(one, ONE, 1, 2)
    of_first = tuple(DaskWorker(f"{first.metadata.name}-{number}", "", tasks=number) for number in (0, 1))
    busy = replace(ANSWER, workers=(*of_first, _inside(second)))
    assert leaving(_told(one, first, second, answer=busy)) == [name_of(2)]
    two = group_of_one(replicas=2)
    retired = replace(ANSWER, workers=(of_first[0], replace(of_first[1], is_retiring=True), _inside(second)))
    assert leaving(_told(two, first, second, answer=retired)) == [name_of(1)]


def test_nobody_is_waited_for_where_nobody_asks() -> None:
    """As with `--no-dask`: who was chosen goes, and without being asked."""
    pods = three(group_of_one())
    one = group_of_one(replicas=1, status=_asked(pods[0]))
    found = desired(one, *pods)
    assert deleted(found) == [name_of(1)]
    assert [entry.get("asked") for entry in decisions(found)["retiring"]] == ["2026-01-31T12:00:00Z", None]


LATER = NOON + timedelta(seconds=30)


def test_a_worker_that_something_else_deletes_hands_over_until_it_is_gone() -> None:
    """Its replacement comes at once; what it holds is saved while it terminates, and it is deleted by nobody again."""
    one = group_of_one(status=chosen())
    here, taken = workers(one, ONE, 1, 2), worker(one, ONE, 3, deleting=LATER)
    answer = replace(ANSWER, workers=tuple(map(_inside, (*here, taken))))
    written = decisions(_told(one, *here, taken, answer=answer))
    (saved,) = written["retiring"]
    assert (saved["uid"], saved["asked"], saved["deadline"]) == (taken.metadata.uid, wire_time(NOON), wire_time(LATER))
    after = group_of_one(status={"decisions": {"highestOrdinal": 3, **written}})
    found = _told(after, *here, taken, answer=answer)
    assert (created(found), deleted(found), found.records) == ([name_of(4)], [], ())


@pytest.mark.parametrize(
    ("state", "joined"),
    [
        pytest.param({"deleting": NOON}, True, id="no time left"),
        pytest.param({"deleting": LATER}, False, id="never joined"),
        pytest.param({"deleting": LATER, "phase": "Failed"}, True, id="ended"),
        pytest.param({"deleting": LATER, "orphaned": True}, True, id="of another scheduler"),
        pytest.param({"deleting": LATER, "ip": ""}, True, id="never started"),
    ],
)
def test_of_a_worker_that_something_else_deletes_nothing_is_asked_in_vain(
    state: dict[str, Any], *, joined: bool
) -> None:
    """It is replaced all the same."""
    one = group_of_one(replicas=1, status=chosen())
    taken = worker(one, ONE, 1, **state)
    written = decisions(_told(one, taken, answer=replace(ANSWER, workers=(_inside(taken),) if joined else ())))
    assert "retiring" not in written
    after = group_of_one(replicas=1, status={"decisions": {"highestOrdinal": 3, **written}})
    assert created(_told(after, taken, answer=ANSWER)) == [name_of(4)]


def test_a_worker_that_is_about_to_be_evicted_is_retired_beside_its_replacement() -> None:
    """It goes when it has nothing left; if it is spared after all, it stays as long as there is room."""
    one = group_of_one(replicas=1, status=chosen())
    doomed = worker(one, ONE, 1, disrupted=True)
    answer = replace(ANSWER, workers=(_inside(doomed, unique_keys=1), DaskWorker("an-heir", "")))
    (record,) = _told(one, doomed, answer=answer).records
    written = record.body["status"]["decisions"]
    assert record.doomed == (doomed.metadata.uid,)
    assert [entry["asked"] for entry in written["retiring"]] == [wire_time(NOON)]
    after = group_of_one(replicas=1, status={"decisions": {"highestOrdinal": 3, **written}})
    found = _told(after, doomed, answer=answer)
    assert (created(found), deleted(found)) == ([name_of(4)], [])
    spared = _told(after, worker(one, ONE, 1), answer=answer)
    assert (created(spared), deleted(spared), spared.records[0].reason) == ([], [], "1 to stay: it is wanted again")


@pytest.mark.parametrize("state", [{"deleting": LATER}, {"disrupted": True}, {"disrupted": True, "deleting": LATER}])
def test_what_is_taken_away_counts_as_a_loss_once_and_as_no_failure(state: dict[str, Any]) -> None:
    """So the third replacement in a row that is taken away waits, and none before it."""
    one = group_of_one(replicas=1, status=chosen())
    taken = worker(one, ONE, 1, **state)
    written = decisions(desired(one, taken))
    assert (written["losses"]["count"], "failures" in written) == (1, False)
    assert written["losses"]["message"].startswith("was taken away")
    counted = group_of_one(replicas=1, status={"decisions": {"highestOrdinal": 3, **written}})
    found = desired(counted, taken)
    assert (created(found), found.findings) == ([name_of(4)], ())
    assert not found.records or "losses" not in decisions(found)
