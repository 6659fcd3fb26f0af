"""The verdict on a whole cluster, and the exception that it becomes."""

from datetime import timedelta

import pytest

from kubecluster.diagnosis import About, Body, State, Verdict, diagnose, error
from kubecluster.diagnosis.waiting_since import waiting_since
from kubecluster.errors import (
    CrashLoop,
    NoOperator,
    NotReady,
    QuotaExceeded,
    TimedOut,
    Unschedulable,
)
from tests.kubecluster.sights import (
    CREATING,
    LATER,
    NOON,
    cluster,
    condition,
    crashes,
    event,
    group,
    homeless,
    scheduler,
    service,
    sight,
    waits,
    worker,
)

QUOTA = 'pods "simple-gpu" is forbidden: exceeded quota: q, requested: pods=1, used: pods=9, limited: pods=9'


def test_a_cluster_is_ready_when_everything_is() -> None:
    """dask-kubernetes' phase plays no part: it stays Pending for ever at times, or says Running too early."""
    for phase in ("Pending", "Running", None):
        seen = cluster(status={"phase": phase})
        verdict = diagnose(NOON, sight(scheduler(), worker(1), worker(2), cluster=seen))
        told = "The scheduler is ready. 2 of 2 workers are ready."
        assert verdict == Verdict(scheduler_ready=True, workers_ready=2, workers_wanted=2, sentence=told)
        assert verdict.state is State.READY


@pytest.mark.parametrize(
    ("after", "failure", "sentence"),
    [
        (9, TimedOut, "Nobody has acted on the DaskCluster yet."),
        (10, NoOperator, "Nobody acts on the DaskCluster: it has no status."),
    ],
)
def test_a_cluster_without_any_status_has_no_operator(after: int, failure: type[NotReady], sentence: str) -> None:
    """After ten seconds; an operator may still be starting, so it is not final."""
    untouched, now = cluster(status={"phase": None}), NOON + timedelta(seconds=after)
    verdict = diagnose(NOON, sight(cluster=untouched, groups=(), services=(), at=now))
    assert (verdict.failure, verdict.sentence, verdict.is_final) == (failure, sentence, False)
    if failure is NoOperator:
        assert verdict.remedy.endswith("running, and does it look after the namespace ml?")


@pytest.mark.parametrize(("seconds", "failure"), [(9, TimedOut), (10, NoOperator)])
def test_an_edit_that_nobody_looks_at_has_no_operator(seconds: int, failure: type[NotReady]) -> None:
    """As when the reconciler ended after it had made the cluster, and more workers are asked for then."""
    asked = group(condition("Ready", "True", generation=0), workers=3, observedGeneration=0)
    pods = (scheduler(), worker(1), worker(2))
    verdict = diagnose(NOON, sight(*pods, groups=(asked,), at=NOON + timedelta(seconds=seconds)))
    assert verdict.sentence.startswith("1 of 3 workers is not ready: 1 to create")
    assert (verdict.failure, verdict.scheduler_ready) == (failure, True)


def test_a_cluster_that_the_reconciler_leaves_alone_needs_dask_kubernetes() -> None:
    """If that runs, all is well; if it does not, nobody makes the scheduler."""
    alone = condition("Ready", "False", "ManagedByDaskKubernetes", "Dask-kubernetes made this cluster.")
    assert diagnose(NOON, sight(scheduler(), worker(1), worker(2), cluster=cluster(alone))).state is State.READY
    untouched = sight(cluster=cluster(alone))
    assert diagnose(LATER, untouched).failure is TimedOut
    verdict = diagnose(NOON, untouched)
    assert verdict.failure is NoOperator
    assert verdict.sentence == "The scheduler Pod has not been created yet: Dask-kubernetes made this cluster."
    error = event("DaskCluster/simple", "Logging", "The server is on fire", "Error")
    assert "on fire" in diagnose(NOON, sight(cluster=cluster(alone), events=(error,))).sentence


def test_a_cluster_that_goes_or_is_gone_never_becomes_ready() -> None:
    """Even while its Pods are still there."""
    pods = (scheduler(), worker(1), worker(2))
    gone = diagnose(NOON, sight(*pods, cluster=None))
    going = diagnose(NOON, sight(*pods, cluster=cluster(deletionTimestamp="2026-01-31T12:00:30Z")))
    held = cluster(deletionTimestamp="2026-01-31T12:00:30Z", finalizers=["kopf.zalando.org/KopfFinalizerMarker"])
    stuck = diagnose(NOON, sight(*pods, cluster=held))
    for verdict in (gone, going, stuck):
        assert (verdict.state, verdict.failure, verdict.scheduler_ready) == (State.HOPELESS, NotReady, False)
    assert gone.sentence == "There is no such DaskCluster, or none any more."
    assert going.sentence == "The DaskCluster is being deleted."
    assert "the finalizer kopf.zalando.org/KopfFinalizerMarker" in stuck.sentence


@pytest.mark.parametrize(
    ("reason", "is_final"),
    [("Invalid", True), ("NameTooLong", True), ("NameConflict", False), ("InternalError", False)],
)
def test_what_stands_in_the_way_of_the_whole_is_told_first(reason: str, *, is_final: bool) -> None:
    """In the reconciler's words, of the cluster as it is now; clients may go on using what runs."""
    seen = cluster(condition("Ready", "False", reason, "Something is wrong."))
    verdict = diagnose(NOON, sight(scheduler(), worker(1), worker(2), cluster=seen))
    assert (verdict.sentence, verdict.failure, verdict.is_final) == ("Something is wrong.", NotReady, is_final)
    assert (verdict.about, verdict.scheduler_ready) == (About.CLUSTER, True)
    edited = cluster(condition("Ready", "False", reason, "Something is wrong.", generation=0))
    assert diagnose(NOON, sight(scheduler(), worker(1), worker(2), cluster=edited)).state is State.READY


def test_the_phase_error_of_dask_kubernetes_is_final() -> None:
    """Its Event has the words."""
    words = "Handler 'daskcluster_create' failed permanently: The DaskCluster simple is invalid"
    posted = event("DaskCluster/simple", "Logging", words, "Error")
    verdict = diagnose(NOON, sight(cluster=cluster(status={"phase": "Error"}), events=(posted,)))
    assert (verdict.failure, verdict.is_final) == (NotReady, True)
    assert verdict.sentence == f"dask-kubernetes does nothing for this cluster: {words}."


def test_the_phase_error_of_the_reconciler_passes_with_an_edit() -> None:
    """It stands until the reconciler has looked at what was corrected."""
    corrected = cluster(condition("Ready", "False", "Invalid", generation=0), status={"phase": "Error"})
    assert diagnose(NOON, sight(cluster=corrected)).failure is TimedOut


def test_a_service_must_be_there_and_have_the_address_it_needs() -> None:
    """A load balancer's error is quoted from its Events."""
    pods = (scheduler(), worker(1), worker(2))
    missing = diagnose(NOON, sight(*pods, services=()))
    assert missing.sentence == "The Service simple-scheduler has not been created yet."
    balancer, inside = service("LoadBalancer", "simple-service", loadBalancer={}), service()
    error = event("Service/simple-service", "SyncLoadBalancerFailed", "Error syncing load balancer: no quota.")
    waiting = diagnose(NOON, sight(*pods, services=(inside, balancer), events=(error,)))
    told = "The load balancer of the Service simple-service has no address yet"
    assert waiting.sentence == f"{told}: Error syncing load balancer: no quota."
    for verdict in (missing, waiting):
        assert (verdict.failure, verdict.about, verdict.scheduler_ready) == (TimedOut, About.SERVICE, False)
    balancer["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}
    assert diagnose(NOON, sight(*pods, services=(inside, balancer))).state is State.READY


def test_an_exception_has_what_was_seen_what_to_do_and_the_last_words() -> None:
    """Events that only say it again, those that are no trouble and those of other objects are left out."""
    restarts = event("Pod/simple-scheduler", "BackOff", "Back-off restarting failed container", count=13)
    events = (
        event("Pod/simple-scheduler", "Killing", "Stopping container main", "Normal"),
        event("Pod/other-scheduler", "Failed", "Of another cluster"),
        event("Pod/simple-scheduler", "BackOff", "An older one", after=0),
        restarts,
    )
    verdict = diagnose(NOON, sight(scheduler(crashes(3, restarts=3)), events=events))
    failure = error(verdict, "ml/simple", 42.4, ["Traceback:", "\x1b[31mNo module named x"], events)
    assert type(failure) is CrashLoop
    assert isinstance(failure, TimeoutError)
    assert str(failure).splitlines() == [
        f"The DaskCluster ml/simple is not ready after 42 s, and waiting longer is of no use. {verdict.sentence}",
        "See its last log lines: kubectl logs simple-scheduler --previous --namespace=ml.",
        "Events:",
        "  BackOff pod/simple-scheduler: Back-off restarting failed container (13 times)",
        "The last log lines of the Pod simple-scheduler:",
        "  Traceback:",
        "  [31mNo module named x",
    ]
    lacking = diagnose(NOON, sight(scheduler(homeless("0/1 nodes are available: 1 Insufficient cpu."))))
    seen = (event("Pod/simple-scheduler", "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."),)
    assert str(error(lacking, "simple", 0.2, events=seen)).count("Insufficient cpu") == 1


@pytest.mark.parametrize(
    ("statuses", "failure", "parts", "is_final"),
    [
        ([CREATING, CREATING], TimedOut, ["2 must wait for the containers: ContainerCreating (Pod", ", …)"], False),
        (
            [CREATING, CREATING, homeless("0/1 nodes are available: 1 Insufficient cpu.")],
            Unschedulable,
            ["3 of 3 workers are not ready: 2 must wait", "; 1 cannot be scheduled: 0/1 nodes are available"],
            False,
        ),
        ([crashes(1, restarts=9), None], CrashLoop, ["1 of 2 workers is not ready: 1 crashed: CrashLoop"], False),
        ([waits("InvalidImageName")], None, ["1 of 1 workers is not ready: 1 cannot start: InvalidImageName"], True),
        ([waits("InvalidImageName"), CREATING], None, ["InvalidImageName"], False),
    ],
)
def test_workers_that_are_missing_are_counted_by_what_keeps_them(
    statuses: list[Body | None], failure: type[NotReady] | None, parts: list[str], *, is_final: bool
) -> None:
    """The most frequent first; what is wrong makes the exception, and not what only takes its time."""
    pods = [worker(number, status) for number, status in enumerate(statuses)]
    verdict = diagnose(NOON, sight(scheduler(), *pods, groups=(group(workers=len(pods)),)))
    assert (verdict.scheduler_ready, verdict.about, verdict.is_final) == (True, About.WORKERS, is_final)
    assert verdict.failure is failure or failure is None
    for part in parts:
        assert part in verdict.sentence
    assert verdict.workers_ready == statuses.count(None)


def test_groups_are_added_up_and_those_that_go_are_not() -> None:
    """A worker that retires is as good as gone, and so is a group that is being deleted."""
    quota = event("ReplicaSet/simple-gpu-worker-1-7bdb", "FailedCreate", f"Error creating: {QUOTA}")
    going = group(name="simple-old", workers=9)
    going["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:30Z"
    retiring = group(workers=2, decisions={"retiring": [{"name": "simple-default-worker-2", "uid": "u"}]})
    pods = (scheduler(), worker(1), worker(2, CREATING), worker(1, group="simple-gpu"))
    groups = (retiring, group(name="simple-gpu", workers=3), going)
    verdict = diagnose(NOON, sight(*pods, groups=groups, events=(quota,), at=LATER))
    assert (verdict.workers_ready, verdict.workers_wanted, verdict.failure) == (2, 5, QuotaExceeded)
    assert verdict.sentence == f"3 of 5 workers are not ready: 1 to create; 2 to create: {QUOTA}."


def test_a_default_group_that_is_missing_is_missed() -> None:
    """dask-kubernetes forgets it at times; its workers are wanted all the same."""
    verdict = diagnose(NOON, sight(scheduler(), groups=()))
    told = "the worker group simple-default has not been created yet"
    assert verdict.sentence == f"2 of 2 workers are not ready: 2 to create: {told}."
    assert (verdict.workers_wanted, verdict.failure) == (2, TimedOut)


def test_people_wait_from_their_last_change_on() -> None:
    """What the reconciler writes into a status is no change of theirs."""
    written = [
        {"manager": "people", "time": "2026-01-31T12:00:30Z"},
        {"manager": "reconciler", "time": "2026-01-31T12:00:50Z", "subresource": "status"},
    ]
    body = cluster(creationTimestamp="2026-01-31T11:00:00Z", managedFields=written)
    assert waiting_since(sight(cluster=body, groups=())) == NOON + timedelta(seconds=30)
