"""The status of a DaskCluster."""

from dataclasses import replace
from typing import Any

import pytest

from models.resources import DaskCluster
from models.scheduler_answer import SchedulerAnswer
from models.snapshot import Observed
from reconciler.passes.values import Finding
from reconciler.rules.labels import TEMPLATE_HASH
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import NOON, built, cluster, default_group, group, pod, scheduler, services, worker, workers, world
from tests.unit.passes.report.podstates import NEW, NO_IMAGE, READY, UNSCHEDULABLE, failed
from tests.unit.passes.report.told import finding, told

SIMPLE = cluster()
CURRENT = cluster(naming=Naming.CURRENT)
NO_PORT = cluster(status={"phase": "Running", "schedulerAddress": "tcp://simple-scheduler.default.svc:8786"})
TYPES = ("Ready", "SchedulerReady", "WorkersReady", "Progressing", "Accepted")
RUNNING = cluster(status={"phase": "Running"})

PHASES: dict[str, tuple[tuple[Observed, ...], str]] = {
    "just seen": ((SIMPLE,), "Created"),
    "a scheduler without Services": ((SIMPLE, scheduler(SIMPLE, NEW)), "Pending"),
    "one of two Services": ((SIMPLE, scheduler(SIMPLE, NEW), services(SIMPLE)[0]), "Pending"),
    "the Pod and both Services, none of them ready": ((SIMPLE, scheduler(SIMPLE, NEW), *services(SIMPLE)), "Running"),
    "under current naming one Service is all": (
        (CURRENT, scheduler(CURRENT, NEW), services(CURRENT)[0]),
        "Running",
    ),
    "a load balancer without an address": (
        (SIMPLE, scheduler(SIMPLE), *services(SIMPLE, "LoadBalancer")),
        "Pending",
    ),
    "a load balancer with an address": (
        (SIMPLE, scheduler(SIMPLE), *services(SIMPLE, "LoadBalancer", ip="192.0.2.1")),
        "Running",
    ),
    "the scheduler is going": ((RUNNING, scheduler(RUNNING, deleting=True), *services(RUNNING)), "Pending"),
    "the scheduler has ended": ((RUNNING, scheduler(RUNNING, failed()), *services(RUNNING)), "Pending"),
    "everything was deleted by hand": ((RUNNING,), "Pending"),
}


@pytest.mark.parametrize("case", PHASES)
def test_the_phase_says_what_exists(case: str) -> None:
    """`Running` means that the scheduler Pod and the Services exist, whatever their health."""
    objects, phase = PHASES[case]
    assert told(world(*objects)).statuses.get(SIMPLE.key, {"phase": "Running"})["phase"] == phase


@pytest.mark.parametrize("reason", [Reason.NAME_TOO_LONG, Reason.INVALID])
def test_a_cluster_that_cannot_be_built_is_an_error_and_has_no_addresses(reason: Reason) -> None:
    """Old clients stop waiting at the phase `Error`."""
    status = told(world(SIMPLE), findings=[finding(SIMPLE, reason)]).statuses[SIMPLE.key]
    assert status["phase"] == "Error"
    assert "schedulerAddress" not in status
    assert "dashboardAddress" not in status


def test_addresses_name_the_service_that_clients_know() -> None:
    """They are there from the first visit on, so that clients can wait at them."""
    status = told(world(SIMPLE)).statuses[SIMPLE.key]
    assert status["schedulerAddress"] == "tcp://simple-scheduler.default.svc:8786"
    assert status["dashboardAddress"] == "http://simple-scheduler.default.svc:8787"


def test_replicas_are_of_the_default_group_and_workers_of_all() -> None:
    """The scale subresource shows what it scales; `workers` shows the whole cluster."""
    more = group(SIMPLE, "gpu", replicas=2)
    objects = (*built(SIMPLE, READY, READY, UNSCHEDULABLE), more, worker(more, SIMPLE, 1))
    status = told(world(*objects)).statuses[SIMPLE.key]
    assert (status["replicas"], status["readyReplicas"]) == (3, 2)
    assert (status["desiredWorkers"], status["readyWorkers"], status["workers"]) == (5, 3, "3/5")
    assert status["selector"] == "dask.org/workergroup-name=simple-default-worker-group,dask.org/component=worker"


@pytest.mark.parametrize(("of", "name"), [(SIMPLE, "simple-default-worker-group"), (CURRENT, "simple-default")])
def test_the_first_status_has_the_selector(of: DaskCluster, name: str) -> None:
    """Before there is any group: without it a HorizontalPodAutoscaler says that one is required, and stops."""
    status = told(world(of)).statuses[of.key]
    assert status["selector"] == f"dask.org/workergroup-name={name},dask.org/component=worker"


def test_workers_that_are_going_or_have_ended_are_no_replicas() -> None:
    """Only live Pods count."""
    default = default_group(SIMPLE)
    objects = (
        SIMPLE,
        default,
        worker(default, SIMPLE, 1, deleting=True),
        worker(default, SIMPLE, 2, failed()),
        worker(default, SIMPLE, 3),
    )
    status = told(world(*objects)).statuses[SIMPLE.key]
    assert (status["replicas"], status["readyReplicas"], status["workers"]) == (1, 1, "1/3")


def test_a_ready_cluster_is_ready_and_settled() -> None:
    """All conditions agree that there is nothing to do."""
    after = told(world(*built(SIMPLE, READY, READY, READY)))
    assert after.condition(SIMPLE, "Ready").message == "The scheduler is ready. 3 of 3 workers are ready."
    assert {type_: after.condition(SIMPLE, type_).status for type_ in TYPES} == {
        "Ready": "True",
        "SchedulerReady": "True",
        "WorkersReady": "True",
        "Progressing": "False",
        "Accepted": "True",
    }


NONE = cluster(replicas=0)
THIRD = worker(default_group(SIMPLE), SIMPLE, 3).key.name
REASONS: dict[str, tuple[tuple[Observed, ...], str, str]] = {
    "nothing yet": ((SIMPLE,), "SchedulerNotReady", "The scheduler Pod has not been created yet."),
    "no node for the scheduler": (
        (SIMPLE, scheduler(SIMPLE, UNSCHEDULABLE), *services(SIMPLE)),
        "SchedulerNotReady",
        "The scheduler Pod simple-scheduler cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu.",
    ),
    "the scheduler's image": (
        (SIMPLE, scheduler(SIMPLE, NO_IMAGE), *services(SIMPLE)),
        "SchedulerNotReady",
        'The scheduler Pod simple-scheduler cannot start: ImagePullBackOff: Back-off pulling image "dask".',
    ),
    "a Service is missing": (
        (SIMPLE, scheduler(SIMPLE), services(SIMPLE)[0]),
        "NotCreated",
        "The Service simple-scheduler has not been created yet.",
    ),
    "no address": (
        (SIMPLE, scheduler(SIMPLE), *services(SIMPLE, "LoadBalancer")),
        "ServiceNotReady",
        "The load balancer of the Service simple-service has no address yet.",
    ),
    "no group": (
        (SIMPLE, scheduler(SIMPLE), *services(SIMPLE)),
        "WorkersNotReady",
        "The default worker group has not been created yet.",
    ),
    "one worker": (
        built(SIMPLE, READY, READY, NO_IMAGE),
        "WorkersNotReady",
        (f'1 of 3 workers is not ready: Pod {THIRD} cannot start: ImagePullBackOff: Back-off pulling image "dask".'),
    ),
    "workers that do not exist yet": (
        built(SIMPLE, READY),
        "WorkersNotReady",
        "2 of 3 workers are not ready: 2 to create.",
    ),
    "a worker that ended and is not replaced yet": (
        built(SIMPLE, READY, READY, failed()),
        "WorkersNotReady",
        f"1 of 3 workers is not ready: Pod {THIRD} failed: exit code 1 (Error).",
    ),
    "no workers are wanted": (built(NONE), "Ready", "The scheduler is ready. No workers are wanted."),
}


@pytest.mark.parametrize("case", REASONS)
def test_ready_says_in_one_sentence_why_not(case: str) -> None:
    """The first thing that is wrong, scheduler before Services before workers, is what a user reads."""
    objects, reason, message = REASONS[case]
    ready = told(world(*objects)).condition(SIMPLE, "Ready")
    assert (ready.reason, ready.message) == (reason, message)


@pytest.mark.parametrize(
    "reason",
    [Reason.INVALID, Reason.NAME_TOO_LONG, Reason.OTHER_OPERATOR, Reason.NAME_CONFLICT, Reason.CLUSTER_NOT_FOUND],
)
def test_an_obstacle_is_what_ready_and_progressing_say(reason: Reason) -> None:
    """What stands in the way of the whole cluster counts more than the state of its Pods."""
    after = told(world(*built(SIMPLE, READY, READY, READY)), findings=[finding(SIMPLE, reason, "no: choose another")])
    for type_ in ("Ready", "Progressing"):
        condition = after.condition(SIMPLE, type_)
        assert (condition.status, condition.reason, condition.message) == ("False", reason, "No: choose another.")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.BACK_OFF, "True"),
        (Reason.TERMINATING, "True"),
        (Reason.DELETION_CAP, "True"),
        (Reason.UNDONE, "False"),
        (Reason.NO_DELETE, "False"),
    ],
)
def test_what_is_held_back_is_said_in_progressing(reason: Reason, status: str) -> None:
    """It is progress as long as waiting helps, and none when someone has to act."""
    after = told(world(*built(SIMPLE, READY, READY, READY)), findings=[finding(SIMPLE, reason)])
    condition = after.condition(SIMPLE, "Progressing")
    assert (condition.status, condition.reason, condition.message) == (status, reason, "Something is wrong.")
    assert after.condition(SIMPLE, "Ready").status == "True"


def test_a_cluster_shows_what_its_groups_are_doing() -> None:
    """The cluster's `Progressing` names the group and repeats what it says."""
    default = default_group(SIMPLE)
    old = workers(default, SIMPLE, 1, 2, stale=True)
    after = told(world(SIMPLE, scheduler(SIMPLE), *services(SIMPLE), default, *old, worker(default, SIMPLE, 3)))
    progressing = after.condition(SIMPLE, "Progressing")
    assert (progressing.status, progressing.reason) == ("True", "RollingOut")
    assert progressing.message == (
        "Worker group simple-default-worker-group: 1 of 3 workers are from the present template."
    )


def test_a_scheduler_without_its_role_annotation_still_counts() -> None:
    """Someone who strips annotations does not make a cluster look broken."""
    bare = pod("simple-scheduler", owner=SIMPLE, annotations={TEMPLATE_HASH: "x"})
    assert told(world(SIMPLE, bare)).condition(SIMPLE, "SchedulerReady").status == "True"


def test_a_helper_pod_of_the_clusters_is_not_its_scheduler() -> None:
    """A proxy that is ready, and sorts first, says nothing of the scheduler that is there, or is not."""
    proxy = pod("a-proxy", owner=SIMPLE, labels={"dask.org/component": "scheduler"})
    assert told(world(SIMPLE, proxy)).condition(SIMPLE, "SchedulerReady").reason == "NotCreated"
    assert told(world(SIMPLE, proxy)).statuses[SIMPLE.key]["phase"] == "Created"
    crashed = told(world(SIMPLE, proxy, scheduler(SIMPLE, NO_IMAGE))).condition(SIMPLE, "SchedulerReady")
    assert (crashed.status, crashed.reason) == ("False", "SchedulerNotReady")
    assert crashed.message.startswith("The scheduler Pod simple-scheduler ")


def test_while_a_scheduler_is_replaced_the_one_that_is_left_counts() -> None:
    """Workers use it until its deletion begins; a ready one of the present template counts more."""
    old = scheduler(SIMPLE, template_hash="old")
    assert told(world(SIMPLE, old)).condition(SIMPLE, "SchedulerReady").status == "True"
    new = scheduler(SIMPLE, NEW, name="simple-scheduler-0a1b2")
    assert told(world(SIMPLE, old, new)).condition(SIMPLE, "SchedulerReady").status == "False"


def test_a_cluster_that_dask_kubernetes_runs_keeps_its_status_but_for_the_conditions() -> None:
    """Its phase is the other operator's to change, and some of its handlers wait for a change."""
    theirs = cluster(status={"phase": "Running"})
    status = told(world(theirs), findings=[finding(theirs, Reason.OTHER_OPERATOR)]).statuses[theirs.key]
    assert set(status) == {"phase", "conditions"}
    assert status["phase"] == "Running"


def test_a_cluster_whose_service_leads_nowhere_is_not_ready_whatever_runs() -> None:
    """Its workers would wait for ever; old clients see Error, and nobody is given an address."""
    told_so = Finding(NO_PORT.key, Reason.NO_SCHEDULER_PORT, "no port is known")
    after = told(world(*built(NO_PORT, READY, READY)), findings=[told_so])
    ready = after.condition(NO_PORT, "Ready")
    assert (ready.status, ready.reason, ready.message) == ("False", "NoSchedulerPort", "No port is known.")
    status = after.statuses[NO_PORT.key]
    assert status["phase"] == "Error"
    assert "schedulerAddress" not in status


HEAD = scheduler(SIMPLE)
WHY = "The Secret default/dask-tls may not be read; let the reconciler get it"
IS_READY = "The scheduler Pod simple-scheduler is ready"


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        pytest.param(
            {"error": WHY, "is_silent": True}, "NotAnswering", f"{IS_READY}, but cannot be asked: {WHY}.", id="silent"
        ),
        pytest.param({"error": WHY}, "Ready", f"{IS_READY}.", id="for a moment"),
        pytest.param({"at": NOON}, "Ready", f"{IS_READY}.", id="answers"),
        pytest.param(
            {"error": WHY, "is_silent": True, "pod_uid": "former"}, "Ready", f"{IS_READY}.", id="another Pod's"
        ),
    ],
)
def test_a_scheduler_that_cannot_be_asked_is_ready_and_says_why(
    answer: dict[str, Any], reason: str, message: str
) -> None:
    """In its own cluster's condition, with an Event; the cluster is as ready as without asking."""
    others = cluster("other")
    there = world(SIMPLE, HEAD, others, scheduler(others))
    found = SchedulerAnswer(**{"pod_uid": HEAD.metadata.uid, **answer})
    after = told(replace(there, schedulers={SIMPLE.key: found}))
    condition = after.condition(SIMPLE, "SchedulerReady")
    assert (condition.status, condition.reason, condition.message) == ("True", reason, message)
    assert after.condition(others, "SchedulerReady").reason == "Ready"
    assert ("NotAnswering" in after.events) is (reason == "NotAnswering")
