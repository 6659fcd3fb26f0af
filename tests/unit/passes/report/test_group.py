"""The status of a DaskWorkerGroup."""

from dataclasses import replace

import pytest

from models.kinds import Key
from models.resources import DaskWorkerGroup
from models.scheduler_answer import DaskWorker, SchedulerAnswer
from models.snapshot import Observed
from reconciler.passes.values import Body
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, default_group, group, pod, scheduler, worker, workers, world
from tests.unit.passes.report.podstates import NEW, NO_IMAGE, READY
from tests.unit.passes.report.told import finding, told

SIMPLE = cluster()
DEFAULT = default_group(SIMPLE)
FIRST, SECOND = workers(DEFAULT, SIMPLE, 1, 2)


def test_counts_are_of_live_pods() -> None:
    """`kubectl get` shows how many there are, are ready, and are from the present template."""
    pods = [worker(DEFAULT, SIMPLE, 1), worker(DEFAULT, SIMPLE, 2, NEW), worker(DEFAULT, SIMPLE, 3, stale=True)]
    status = told(world(SIMPLE, DEFAULT, *pods)).statuses[DEFAULT.key]
    assert (status["replicas"], status["readyReplicas"], status["updatedReplicas"]) == (3, 2, 2)
    assert status["workers"] == "2/3"
    assert status["selector"] == "dask.org/workergroup-name=simple-default-worker-group,dask.org/component=worker"


def test_a_long_groups_selector_has_the_shortened_label() -> None:
    """The selector must match the label that the Pods carry."""
    long = group(SIMPLE, "g" * 100)
    status = told(world(SIMPLE, long)).statuses[long.key]
    value = status["selector"].split(",")[0].partition("=")[2]
    assert len(value) <= 63


def test_the_first_status_has_the_selector() -> None:
    """Where no workers are wanted, too: a HorizontalPodAutoscaler needs it to begin."""
    none = group(SIMPLE, "none", replicas=0)
    selector = told(world(SIMPLE, none)).statuses[none.key]["selector"]
    assert selector == "dask.org/workergroup-name=none,dask.org/component=worker"


@pytest.mark.parametrize(("decisions", "kept"), [({}, 7), ({"retiring": []}, 7), ({"highestOrdinal": 9}, None)])
def test_the_number_of_version_0_1_stays_until_it_is_among_the_decisions(decisions: Body, kept: int | None) -> None:
    """A number that was given once is never given again; and the same is not said in two places for ever."""
    one = default_group(SIMPLE, status={"highestOrdinal": 7, "decisions": decisions})
    assert told(world(SIMPLE, one)).statuses[one.key].get("highestOrdinal") == kept


ROLLING = {"conditions": [{"type": "Progressing", "status": "True", "reason": "RollingOut"}]}
ROLLED = default_group(SIMPLE, status=ROLLING)
ON_DELETE = default_group(SIMPLE, worker={"updateStrategy": {"type": "OnDelete"}})
PROGRESS: dict[str, tuple[tuple[Observed, ...], str, str]] = {
    "none yet": ((DEFAULT,), "True", "Creating"),
    "some of them": ((DEFAULT, worker(DEFAULT, SIMPLE, 1)), "True", "Creating"),
    "not ready": ((DEFAULT, *workers(DEFAULT, SIMPLE, 1, 2, 3, status=NEW)), "True", "Starting"),
    "all ready": ((DEFAULT, *workers(DEFAULT, SIMPLE, 1, 2, 3)), "False", "Settled"),
    "too many": ((DEFAULT, *workers(DEFAULT, SIMPLE, 1, 2, 3, 4)), "True", "ScalingDown"),
    "an old one": (
        (DEFAULT, worker(DEFAULT, SIMPLE, 1, stale=True), *workers(DEFAULT, SIMPLE, 2, 3)),
        "True",
        "RollingOut",
    ),
    "the last of a rollout is missing": (
        (ROLLED, *workers(ROLLED, SIMPLE, 4, 5)),
        "True",
        "RollingOut",
    ),
    "the last of a rollout is starting": (
        (ROLLED, *workers(ROLLED, SIMPLE, 4, 5), worker(ROLLED, SIMPLE, 6, NEW)),
        "True",
        "RollingOut",
    ),
    "the surge of a rollout is still there": (
        (ROLLED, *workers(ROLLED, SIMPLE, 4, 5, 6, 7)),
        "True",
        "RollingOut",
    ),
    "the rollout is over": ((ROLLED, *workers(ROLLED, SIMPLE, 4, 5, 6)), "False", "Settled"),
    "an old one that someone must delete": (
        (
            ON_DELETE,
            worker(ON_DELETE, SIMPLE, 1, stale=True),
            worker(ON_DELETE, SIMPLE, 2),
            worker(ON_DELETE, SIMPLE, 3),
        ),
        "False",
        "OnDelete",
    ),
}


@pytest.mark.parametrize("case", PROGRESS)
def test_progressing_says_what_is_being_done(case: str) -> None:
    """A rollout lasts until its last worker is ready and nothing is left over."""
    objects, status, reason = PROGRESS[case]
    progressing = told(world(SIMPLE, *objects)).condition(DEFAULT, "Progressing")
    assert (progressing.status, progressing.reason) == (status, reason)


def test_a_groups_ready_counts_its_workers() -> None:
    """A group without trouble says how many are ready, and one with trouble why not."""
    ready = told(world(SIMPLE, DEFAULT, *workers(DEFAULT, SIMPLE, 1, 2, 3))).condition(DEFAULT, "Ready")
    assert (ready.status, ready.message) == ("True", "3 of 3 workers are ready.")
    pods = (worker(DEFAULT, SIMPLE, 1), worker(DEFAULT, SIMPLE, 2, NO_IMAGE))
    ready = told(world(SIMPLE, DEFAULT, *pods)).condition(DEFAULT, "Ready")
    assert (ready.status, ready.reason) == ("False", "WorkersNotReady")
    assert ready.message == (
        f"2 of 3 workers are not ready: Pod {SECOND.key.name} cannot start: "
        'ImagePullBackOff: Back-off pulling image "dask"; 1 to create.'
    )


@pytest.mark.parametrize(
    ("pods", "ready", "progressing"),
    [
        ((READY,), "The only worker is ready.", "The only worker is ready."),
        ((), "The only worker is not ready: 1 to create.", "1 worker to create."),
        (
            (NO_IMAGE,),
            (
                f"The only worker is not ready: Pod {FIRST.key.name} cannot start: "
                'ImagePullBackOff: Back-off pulling image "dask".'
            ),
            "The only worker is not ready yet.",
        ),
    ],
)
def test_one_worker_alone_is_not_counted(pods: tuple[Body, ...], ready: str, progressing: str) -> None:
    """`1 of 1 workers` is nothing that people say."""
    one = default_group(SIMPLE, replicas=1)
    after = told(world(SIMPLE, one, *(worker(one, SIMPLE, 1, status) for status in pods)))
    assert after.condition(one, "Ready").message == ready
    assert after.condition(one, "Progressing").message == progressing


def test_a_helper_pod_of_the_groups_is_no_worker() -> None:
    """It is neither counted nor waited for."""
    proxy = pod("simple-default-worker-group-worker-proxy", owner=DEFAULT, labels={"dask.org/component": "worker"})
    status = told(world(SIMPLE, DEFAULT, worker(DEFAULT, SIMPLE, 1), proxy)).statuses[DEFAULT.key]
    assert (status["replicas"], status["workers"]) == (1, "1/3")


def test_a_worker_that_was_chosen_to_go_is_not_blamed() -> None:
    """What is about to be deleted is not what a user has to mend."""
    chosen = {"name": SECOND.key.name, "uid": SECOND.metadata.uid}
    going = default_group(SIMPLE, status={"decisions": {"retiring": [chosen]}})
    after = told(
        world(SIMPLE, going, worker(going, SIMPLE, 1), worker(going, SIMPLE, 2, NO_IMAGE), worker(going, SIMPLE, 3))
    )
    assert after.condition(going, "Ready").message == "1 of 3 workers is not ready: 1 to create."


def test_why_workers_are_not_created_is_part_of_the_sentence() -> None:
    """A backoff explains the Pods that are missing, in the group and in its cluster."""
    after = told(
        world(SIMPLE, DEFAULT, worker(DEFAULT, SIMPLE, 1)),
        findings=[finding(DEFAULT, Reason.BACK_OFF, "they ended 5 times")],
    )
    for one, type_ in ((DEFAULT, "Ready"), (SIMPLE, "WorkersReady")):
        assert after.condition(one, type_).message == ("2 of 3 workers are not ready: 2 to create: They ended 5 times.")


def test_recreate_says_for_which_of_the_old_workers_it_waits() -> None:
    """On a lost node one may hang for long, and no worker is made before it is gone."""
    recreate = {"updateStrategy": {"type": "Recreate"}}
    rolling = {"conditions": [{"type": "Progressing", "status": "True", "reason": "RollingOut"}]}
    one, later = (default_group(SIMPLE, worker=recreate, status=status) for status in ({}, rolling))
    old = [worker(one, SIMPLE, number, stale=True, deleting=True, node="n") for number in (1, 2)]
    first = min(pod.metadata.name for pod in old)
    why = f"updateStrategy Recreate waits until Pod {first} on node n and 1 other, made before, are gone"
    after = told(world(SIMPLE, one, *old))
    assert after.condition(one, "Progressing").message == f"3 workers to create: {why}."
    for about, type_ in ((one, "Ready"), (SIMPLE, "WorkersReady")):
        assert after.condition(about, type_).message == f"3 of 3 workers are not ready: 3 to create: {why}."
    after = told(world(SIMPLE, later, *old))
    assert after.condition(later, "Progressing").message == f"0 of 3 workers are from the present template: {why}."
    fresh = told(world(SIMPLE, one, worker(one, SIMPLE, 1, deleting=True)))
    assert fresh.condition(one, "Progressing").message == "3 workers to create."


def test_a_group_without_its_cluster_is_not_ready_and_keeps_what_was_known() -> None:
    """Which template is the present one depends on the cluster."""
    orphan = group("simple", status={"updatedReplicas": 3})
    after = told(world(orphan))
    assert after.condition(orphan, "Ready").reason == "ClusterNotFound"
    assert after.statuses[orphan.key]["updatedReplicas"] == 3


def test_what_goes_with_its_cluster_is_told_nothing() -> None:
    """Garbage collection has yet to come to it; that its cluster is not there would be news to nobody."""
    assert told(world(DEFAULT)).actions == ()
    assert DEFAULT.key in told(world(DEFAULT, SIMPLE)).statuses


def test_a_group_of_a_cluster_that_dask_kubernetes_runs_gets_conditions_only() -> None:
    """Its Pods are not known here, so that counts would be wrong."""
    after = told(world(SIMPLE, DEFAULT), findings=[finding(DEFAULT, Reason.OTHER_OPERATOR)])
    assert set(after.statuses[DEFAULT.key]) == {"conditions"}


def test_a_group_of_no_workers_is_ready() -> None:
    """Scaled to zero is as wanted."""
    none = default_group(SIMPLE, replicas=0)
    after = told(world(SIMPLE, none))
    assert (after.condition(none, "Ready").status, after.statuses[none.key]["workers"]) == ("True", "0/0")
    assert after.condition(none, "Progressing").reason == "Settled"


def test_more_ready_workers_than_wanted_are_ready() -> None:
    """Surplus is no shortage."""
    after = told(world(SIMPLE, DEFAULT, *(worker(DEFAULT, SIMPLE, n, READY) for n in range(1, 6))))
    assert after.condition(DEFAULT, "Ready").message == "3 of 3 workers are ready."
    assert after.statuses[DEFAULT.key]["workers"] == "5/3"


HEAD = scheduler(SIMPLE)
KNOWN = SchedulerAnswer(HEAD.metadata.uid, NOON)
AWAITED = SchedulerAnswer(HEAD.metadata.uid)
SILENT = SchedulerAnswer(HEAD.metadata.uid, error="it does not answer", is_silent=True)


WHERE = "tcp://simple-scheduler.default.svc:8786"
ONE = f"1 runs (since 2026-01-31T11:00:00Z), but has not joined: it looks for {WHERE}"
THREE = f"3 run (the first since 2026-01-31T11:00:00Z), but have not joined: they look for {WHERE}"


def _told(answer: SchedulerAnswer, *joined: int, of: DaskWorkerGroup = DEFAULT, ready: int = 3) -> tuple[Body, str]:
    """A group's status, and its Ready's message, where so many Pods are ready and those have joined."""
    pods = workers(of, SIMPLE, *range(1, ready + 1))
    inside = tuple(DaskWorker(pods[number - 1].metadata.name, "") for number in joined)
    there = world(SIMPLE, HEAD, of, *pods)
    after = told(replace(there, schedulers={SIMPLE.key: replace(answer, workers=inside)}))
    return after.statuses.get(of.key, {}), after.condition(of, "Ready").message


@pytest.mark.parametrize(
    ("status", "ready", "message"),
    [
        pytest.param(_told(KNOWN, 1, 2, 3), 3, "3 of 3 workers have joined.", id="all"),
        pytest.param(_told(KNOWN, 1, 2), 2, f"1 of 3 workers is not ready: {ONE}.", id="all but one"),
        pytest.param(_told(KNOWN), 0, f"3 of 3 workers are not ready: {THREE}.", id="none"),
        pytest.param(
            _told(KNOWN, 1, ready=2),
            1,
            f"2 of 3 workers are not ready: {ONE}; 1 to create.",
            id="one, and one is missing",
        ),
        pytest.param(_told(SILENT), 3, "3 of 3 workers are ready.", id="nobody knows"),
        pytest.param(
            _told(KNOWN, 1, of=default_group(SIMPLE, replicas=1), ready=1), 1, "The only worker has joined.", id="one"
        ),
        pytest.param(
            _told(KNOWN, of=default_group(SIMPLE, replicas=1), ready=1),
            0,
            f"The only worker is not ready: {ONE}.",
            id="the only one has not",
        ),
    ],
)
def test_a_worker_is_ready_when_it_has_joined(status: tuple[Body, str], ready: int, message: str) -> None:
    """As its scheduler says, if that can be asked."""
    assert (status[0]["readyReplicas"], status[1]) == (ready, message)


@pytest.mark.parametrize(("before", "joined"), [(KNOWN, (1, 2, 3)), (KNOWN, (1, 2)), (SILENT, ())])
def test_what_was_told_stands_while_an_answer_is_awaited(before: SchedulerAnswer, joined: tuple[int, ...]) -> None:
    """A start of the daemon writes no status; a Pod that is not ready any more has not joined either."""
    status, message = _told(before, *joined)
    known = default_group(SIMPLE, status=status)
    assert _told(AWAITED, of=known) == ({}, message)
    assert _told(AWAITED, of=known, ready=1)[0]["readyReplicas"] == 1
    assert _told(AWAITED)[0]["readyReplicas"] == 0


@pytest.mark.parametrize(
    ("schedulers", "ready", "message"),
    [
        pytest.param({}, 0, f"3 of 3 workers are not ready: {THREE}.", id="it was never ready"),
        pytest.param({SIMPLE.key: KNOWN}, 3, "3 of 3 workers are ready.", id="it was, and is too busy for its probe"),
        pytest.param(None, 3, "3 of 3 workers are ready.", id="nobody asks it"),
    ],
)
def test_nobody_has_joined_a_scheduler_that_was_never_ready(
    schedulers: dict[Key, SchedulerAnswer] | None, ready: int, message: str
) -> None:
    """So its cluster does not seem ready in the moment in which its scheduler is, before that was asked."""
    there = world(SIMPLE, scheduler(SIMPLE, ready=False), DEFAULT, *workers(DEFAULT, SIMPLE, 1, 2, 3))
    after = told(replace(there, schedulers=schedulers))
    assert after.statuses[DEFAULT.key]["readyReplicas"] == ready
    assert after.condition(DEFAULT, "Ready").message == message
