"""Which Events are sent, and what they look like."""

import pytest

from models.kinds import EVENT, Key
from models.observed import Pod
from models.snapshot import Observed, Owner, Snapshot
from models.status import JobStatus
from reconciler.passes.values import Action, Body, Response, Result, Verb
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.reasons import Reason
from tests.builders import (
    NOON,
    built,
    cluster,
    default_group,
    job,
    job_cluster,
    runner,
    scheduler,
    services,
    worker,
    workers,
    world,
)
from tests.unit.passes.report.podstates import NEW, NO_IMAGE, READY, failed
from tests.unit.passes.report.told import LATER, Told, finding, told, with_decision

SIMPLE = cluster()
DEFAULT = default_group(SIMPLE)


def wrote(verb: Verb, one: Pod, owner: Owner, reason: str = "") -> Response:
    """An answer to a write that succeeded."""
    return Response(Action(verb, one.key, owner.key, owner.key, reason, uid=one.metadata.uid), Result.DONE)


def after(before: Told, *objects: Observed, responses: tuple[Response, ...] = (), let_go: int = 0) -> Told:
    """The next pass: statuses as they were written, other objects as given, and gone where not given.

    Args:
        before: The pass before it.
        *objects: What there is now.
        responses: How the pass's writes ended.
        let_go: How many ready workers were chosen to go so far.
    """
    known = [with_decision(one, let_go) for one in before.world.objects.values() if not isinstance(one, Pod)]
    found = world(*(one for one in before.world.objects.values()))
    return told(world(*known, *objects), before=found, responses=responses, at=LATER)


def pods(*workers: Body, scheduler_state: Body = READY) -> tuple[Pod, ...]:
    states = enumerate(workers, 1)
    return (scheduler(SIMPLE, scheduler_state), *(worker(DEFAULT, SIMPLE, n, state) for n, state in states))


def test_a_cluster_that_becomes_ready_is_news_and_staying_so_is_none() -> None:
    """An Event is for a change."""
    starting = told(world(*built(SIMPLE, NEW, NEW, NEW)))
    assert starting.events == {}
    ready = after(starting, *pods(READY, READY, READY))
    assert ready.events == {"ClusterReady": "The scheduler is ready. 3 of 3 workers are ready."}
    assert after(ready, *pods(READY, READY, READY)).actions == ()


def test_a_ready_cluster_that_loses_a_worker_is_a_warning() -> None:
    """Something broke that had worked."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    lost = after(ready, *pods(READY, READY, NO_IMAGE))
    assert list(lost.events) == ["ClusterNotReady"]
    assert "ImagePullBackOff" in lost.events["ClusterNotReady"]
    (event,) = (action for action in lost.actions if action.key.kind == EVENT)
    assert event.body["type"] == "Warning"


def test_a_ready_cluster_that_is_scaled_up_has_lost_nothing() -> None:
    """New workers that are on their way are no reason to warn."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    more = default_group(SIMPLE, replicas=5)
    scaled = told(
        world(ready.world.objects[SIMPLE.key], *services(SIMPLE), more, *pods(READY, READY, READY, NEW, NEW)),
        before=ready.world,
    )
    assert scaled.condition(SIMPLE, "Ready").status == "False"
    assert "ClusterNotReady" not in scaled.events


def test_a_worker_that_is_replaced_within_one_pass_is_no_loss() -> None:
    """Only what goes by itself is: here another one goes too, and then it is told."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    known = ready.world.objects[DEFAULT.key]
    old, fresh = worker(DEFAULT, SIMPLE, 3), worker(DEFAULT, SIMPLE, 4, NEW)
    assert isinstance(known, type(DEFAULT))
    deleted = wrote(Verb.DELETE, old, known, "its template has changed")
    replaced = after(ready, *pods(READY, READY), fresh, responses=(deleted,), let_go=1)
    assert "ClusterNotReady" not in replaced.events
    lost = after(ready, *pods(READY, NO_IMAGE), fresh, responses=(deleted,), let_go=1)
    assert "ClusterNotReady" in lost.events


def test_a_ready_cluster_that_is_rolled_has_lost_nothing() -> None:
    """A rollout takes workers away on purpose."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    old = workers(DEFAULT, SIMPLE, 1, 2, stale=True)
    fresh = worker(DEFAULT, SIMPLE, 4, NEW)
    assert "ClusterNotReady" not in after(ready, scheduler(SIMPLE), *old, fresh, let_go=1).events
    assert "ClusterNotReady" in after(ready, scheduler(SIMPLE), *old[1:], fresh, let_go=1).events


def test_a_replaced_scheduler_is_told_once_with_the_reason() -> None:
    """The replacement begins in one pass and ends in a later one, but is one piece of news."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    known = ready.world.objects[SIMPLE.key]
    assert isinstance(known, Owner)
    going = scheduler(SIMPLE, deletionTimestamp="2026-01-31T12:00:30Z")
    deleted = wrote(Verb.DELETE, going, known, "its template changed")
    begun = after(ready, going, *pods(READY, READY, READY)[1:], responses=(deleted,))
    assert begun.events == {
        "SchedulerRecreated": "The scheduler Pod simple-scheduler is being replaced: its template changed."
    }
    assert begun.condition(SIMPLE, "SchedulerReady").reason == "Replacing"
    gone = after(begun, *pods(READY, READY, READY)[1:])
    assert gone.condition(SIMPLE, "SchedulerReady").reason == "Replacing"
    fresh = scheduler(SIMPLE, NEW)
    created = wrote(Verb.CREATE, fresh, known)
    assert after(gone, fresh, *pods(READY, READY, READY)[1:], responses=(created,)).events == {}


def test_a_scheduler_that_is_replaced_within_one_pass_is_told_once() -> None:
    """A Pod that had ended goes at once, and the next one comes in the same pass."""
    over, fresh = scheduler(SIMPLE, failed(1)), scheduler(SIMPLE, NEW, name="simple-scheduler-abcde")
    there = told(world(*built(SIMPLE, READY, READY, READY))).world.fold({over.key: over})
    answers = (wrote(Verb.DELETE, over, SIMPLE, "it ended"), wrote(Verb.CREATE, fresh, SIMPLE))
    after_it = told(there.fold({over.key: None, fresh.key: fresh}), before=there, responses=answers)
    assert after_it.events["SchedulerRecreated"] == "The scheduler Pod simple-scheduler is being replaced: it ended."


def test_a_second_scheduler_that_is_removed_is_no_news() -> None:
    """The one that counts stays."""
    there = told(world(*built(SIMPLE, READY, READY, READY))).world
    second = scheduler(SIMPLE, NEW, name="simple-scheduler-abcde")
    answers = (wrote(Verb.DELETE, second, SIMPLE, "a cluster has one scheduler"),)
    assert told(there, before=there.fold({second.key: second}), responses=answers).events == {}


def test_a_scheduler_that_ended_is_a_warning_and_is_replaced() -> None:
    """Its workers' state is lost; that is more than routine."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    crashed = after(ready, *pods(READY, READY, READY, scheduler_state=failed(137, "OOMKilled")))
    assert crashed.events["ClusterNotReady"] == (
        "The scheduler Pod simple-scheduler failed: exit code 137 (OOMKilled)."
    )


def test_a_scheduler_that_vanished_is_told_when_there_is_another() -> None:
    """Healing does not pass in silence."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    known = ready.world.objects[SIMPLE.key]
    assert isinstance(known, Owner)
    without = [one for one in ready.world.objects.values() if one.key != scheduler(SIMPLE).key]
    fresh = scheduler(SIMPLE, NEW)
    healed = told(world(*without, fresh), before=world(*without), responses=[wrote(Verb.CREATE, fresh, known)])
    assert healed.events["SchedulerRecreated"] == (
        "The scheduler Pod simple-scheduler was created, since the one before it is gone."
    )


def test_a_first_scheduler_is_not_a_recreated_one() -> None:
    """Creating a cluster is no healing."""
    fresh = scheduler(SIMPLE, NEW)
    assert told(world(SIMPLE, fresh), before=world(SIMPLE), responses=[wrote(Verb.CREATE, fresh, SIMPLE)]).events == {}


def test_a_jobs_steps_are_news() -> None:
    """When it started and how it ended are what its owner waits for."""
    work = job()
    mine = job_cluster(work, replicas=1)
    begun = told(world(work, mine, runner(work, NEW)))
    assert begun.events == {}
    running = after(begun, runner(work))
    assert running.events == {"JobStarted": "The runner Pod train-runner is running."}
    over = after(_with_outcome(running, JobStatus.FAILED), runner(work, failed(3)))
    assert over.events == {"JobFailed": "The runner Pod train-runner failed: exit code 3 (Error)."}
    well = after(_with_outcome(running, JobStatus.SUCCESSFUL), runner(work))
    assert well.events == {"JobComplete": "The job's command succeeded."}


def _with_outcome(before: Told, outcome: JobStatus) -> Told:
    """The world after the outcome was recorded, which is not the report's to do."""
    work = before.world.objects[job().key]
    assert isinstance(work, type(job()))
    decided = work.model_copy(update={"status": work.status.model_copy(update={"job_status": outcome})})
    return Told(before.world.fold({work.key: decided}), ())


def test_a_job_that_ended_before_it_was_ever_seen_is_no_news() -> None:
    """Whoever changes over from dask-kubernetes is not flooded with old outcomes."""
    assert told(world(job(status={"jobStatus": "Successful"}))).events == {}


def test_an_obstacle_is_told_once() -> None:
    """The same finding in the next pass is no news; another one is."""
    conflict = finding(SIMPLE, Reason.NAME_CONFLICT, "Service x belongs to someone else")
    first = told(world(SIMPLE), findings=[conflict])
    assert first.events == {"NameConflict": "Service x belongs to someone else."}
    assert told(first.world, findings=[conflict]).actions == ()
    other = finding(SIMPLE, Reason.NAME_CONFLICT, "Service y belongs to someone else")
    assert told(first.world, findings=[other]).events == {"NameConflict": "Service y belongs to someone else."}


def test_an_event_is_one_that_kubectl_shows() -> None:
    """`kubectl describe` finds it by what it is about."""
    first = told(world(SIMPLE), findings=[finding(SIMPLE, Reason.NAME_CONFLICT)])
    (event,) = (action for action in first.actions if action.key.kind == EVENT)
    assert event.key == Key(EVENT, "default", event.body["metadata"]["name"])
    assert event.key.name.startswith("simple.")
    assert (event.owner, event.tree) == (SIMPLE.key, SIMPLE.key)
    assert event.body == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event.key.name, "namespace": "default"},
        "involvedObject": {
            "apiVersion": "kubernetes.dask.org/v1",
            "kind": "DaskCluster",
            "namespace": "default",
            "name": "simple",
            "uid": "daskcluster-simple-uid",
            "resourceVersion": "1",
        },
        "type": "Warning",
        "reason": "NameConflict",
        "message": "Something is wrong.",
        "source": {"component": "dask-reconciler"},
        "reportingComponent": "dask-reconciler",
        "reportingInstance": "",
        "firstTimestamp": "2026-01-31T12:00:00Z",
        "lastTimestamp": "2026-01-31T12:00:00Z",
        "count": 1,
    }


def test_an_event_follows_the_status_that_says_the_same() -> None:
    """If the status cannot be written the Event is not sent, and the next pass does both."""
    kinds = [action.verb for action in told(world(SIMPLE), findings=[finding(SIMPLE, Reason.NAME_CONFLICT)]).actions]
    assert kinds == [Verb.REPORT, Verb.CREATE]


@pytest.mark.parametrize("message", ["x" * 5000, "ü" * 5000, "a\nb" * 1000])
def test_an_events_message_fits(message: str) -> None:
    """The API server refuses longer ones."""
    said = told(world(SIMPLE), findings=[finding(SIMPLE, Reason.NAME_CONFLICT, message)]).events["NameConflict"]
    assert len(said.encode()) <= 1024
    assert "\n" not in said


def test_an_events_name_is_its_own_and_a_valid_one() -> None:
    """The same news gives the same name; other news, or the same later, another."""
    long = cluster("x" * 200 + "." + "y" * 52)
    names = {
        told(world(long), findings=[finding(long, Reason.NAME_TOO_LONG, text)], at=at).actions[1].key.name
        for text in ("one", "one", "other")
        for at in (NOON, LATER)
    }
    assert len(names) == 4
    assert all(len(name) <= 253 for name in names)


def test_events_are_compared_with_the_resource_of_the_same_uid() -> None:
    """A resource that was deleted and created anew has no past."""
    ready = told(world(*built(SIMPLE, READY, READY, READY)))
    anew = cluster(uid="another")
    assert told(Snapshot(LATER, {anew.key: anew}), before=ready.world).events == {}


@pytest.mark.parametrize(
    ("reason", "asks"),
    [
        (EventReason.OWNER_GONE, "the annotation kubernetes.dask.org/owner-timeout-seconds"),
        (EventReason.IDLE_TOO_LONG, "spec.idleTimeout"),
        (EventReason.TTL_OVER, "spec.ttlSeconds"),
    ],
)
@pytest.mark.parametrize("result", Result)
def test_a_cluster_that_was_deleted_since_its_time_was_up_is_told_of(
    result: Result, reason: EventReason, asks: str
) -> None:
    """With the reason, and only when it is done: a sign of life may prevent it."""
    gone, uid = "its owner was last seen at 2026-01-31T11:00:00Z, more than 600 s ago", "daskcluster-simple-uid"
    of = (SIMPLE.key, SIMPLE.key, SIMPLE.key)
    delete = Action(Verb.DELETE, *of, gone, uid=uid, resource_version="1", event=reason)
    after_it = told(world(), before=world(SIMPLE), responses=(Response(delete, result),))
    if result is not Result.DONE:
        assert after_it.actions == ()
        return
    (event,) = after_it.actions
    assert (event.body["type"], event.body["reason"]) == ("Normal", reason)
    assert event.body["message"] == (
        f"Its owner was last seen at 2026-01-31T11:00:00Z, more than 600 s ago: it is deleted, as {asks} asks."
    )
    assert event.body["involvedObject"]["uid"] == SIMPLE.metadata.uid
