"""Jobs: a cluster and a runner, an outcome, and what is left of them."""

from datetime import timedelta

import pytest

from models.kinds import DASK_CLUSTER, POD
from models.observed import Pod
from models.resources import DaskJob
from models.snapshot import Observed, Unreadable
from reconciler.passes.desire import desire
from reconciler.passes.values import Desired
from reconciler.rules import names
from reconciler.rules.labels import NAMING, REPLICAS_HANDED_DOWN, ROLE, SCHEDULER_GATE
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, job, job_cluster, reasons, runner, scheduler, unreadable, world
from tests.manifests import pod_spec

ONE = job()
OF_ONE = job_cluster(ONE)
READY = scheduler(OF_ONE)
LONG_AGO = NOON - timedelta(seconds=31)
OVER = {"jobStatus": "Successful", "endTime": "2026-01-31T11:00:00Z", "jobRunnerPodName": "train-runner"}


def _desired(of: DaskJob, *objects: Observed | Unreadable, naming: Naming = Naming.CLASSIC) -> Desired:
    return desire(of, world(of, *objects), naming)


def _wanted(desired: Desired) -> list[tuple[str, bool]]:
    return [(str(wanted.key), wanted.present is not None) for wanted in desired.wanted]


@pytest.mark.parametrize(("naming", "name"), [(Naming.CLASSIC, "train-cluster"), (Naming.CURRENT, "train")])
def test_a_new_job_gets_its_cluster(naming: Naming, name: str) -> None:
    """Under its own naming set, with the labels of the job, and the number of workers noted as handed down."""
    one = job(
        naming=naming,
        replicas=4,
        labels={"team": "x"},
        cluster_metadata={"labels": {"tier": "y"}, "annotations": {"a": "b"}},
        scheduler={"service": {"type": "NodePort"}},
    )
    (wanted,) = _desired(one).wanted
    assert (wanted.key.kind, wanted.key.name, wanted.present) == (DASK_CLUSTER, name, None)
    meta = wanted.body["metadata"]
    ours = {"dask.org/cluster-name": name, "kubernetes.dask.org/cluster": name}
    assert meta["labels"] == {"team": "x", "tier": "y", **ours}
    assert (meta["annotations"][NAMING], meta["annotations"]["a"]) == (str(naming), "b")
    assert meta["annotations"][REPLICAS_HANDED_DOWN] == "4"
    assert [owner["uid"] for owner in meta["ownerReferences"]] == [one.metadata.uid]
    assert wanted.body["spec"] == {
        "scheduler": {"spec": pod_spec(), "service": {"type": "NodePort"}},
        "worker": {"spec": pod_spec(), "replicas": 4},
    }


def test_a_new_job_gets_its_naming_set_recorded_first() -> None:
    """Its cluster is named under it for ever."""
    desired = _desired(job(naming=None), naming=Naming.CURRENT)
    assert [record.body["metadata"]["annotations"] for record in desired.records] == [{NAMING: "current"}]
    assert desired.wanted == ()


def test_the_runner_is_created_at_once_and_gated() -> None:
    """It runs the user's command with the scheduler's address, on failure again, and once the scheduler is ready."""
    one = job(runner=pod_spec(args=["python", "-c", "…"], env=[{"name": "A", "value": "1"}]), labels={"team": "x"})
    of_one = job_cluster(one)
    new = _desired(one, of_one).wanted[1]
    assert (str(new.key), new.present) == ("Pod default/train-runner", None)
    spec = new.body["spec"]
    assert spec["restartPolicy"] == "OnFailure"
    assert spec["schedulingGates"] == [{"name": SCHEDULER_GATE}]
    assert spec["containers"][0]["env"] == [
        {"name": "DASK_SCHEDULER_ADDRESS", "value": "tcp://train-cluster-scheduler.default.svc:8786"},
        {"name": "A", "value": "1"},
    ]
    assert new.body["metadata"]["labels"] == {
        "team": "x",
        "dask.org/cluster-name": "train-cluster",
        "dask.org/component": "job-runner",
        "kubernetes.dask.org/cluster": "train-cluster",
        "sidecar.istio.io/inject": "false",
    }


@pytest.mark.parametrize("policy", ["Never", "Always"])
def test_the_users_restart_policy_is_kept(policy: str) -> None:
    """OnFailure is only the default."""
    one = job(runner={**pod_spec(), "restartPolicy": policy})
    assert _desired(one, job_cluster(one)).wanted[1].body["spec"]["restartPolicy"] == policy


@pytest.mark.parametrize(
    ("head", "falls"),
    [
        ((), False),
        ((scheduler(OF_ONE, ready=False),), False),
        ((scheduler(OF_ONE, deleting=NOON),), False),
        ((scheduler(OF_ONE, template_hash="old"),), False),
        ((READY,), True),
    ],
    ids=["no scheduler", "not ready", "going", "about to be replaced", "ready"],
)
def test_the_gate_falls_when_the_scheduler_is_ready(head: tuple[Pod, ...], *, falls: bool) -> None:
    """Not before, and other people's gates stay."""
    gated = runner(ONE, gates=("a/b", SCHEDULER_GATE), phase="Pending")
    kept = _desired(ONE, OF_ONE, gated, *head).wanted[1]
    assert kept.present is gated
    assert kept.body.get("spec") == ({"schedulingGates": [{"name": "a/b"}]} if falls else None)


def test_a_gate_that_has_fallen_stays_down() -> None:
    """A scheduler that is replaced later does not stop the runner."""
    kept = _desired(ONE, OF_ONE, runner(ONE)).wanted[1]
    assert "spec" not in kept.body


def test_no_runner_is_made_that_would_not_find_its_scheduler() -> None:
    """Its Service shows no port that leads there; the cluster says so."""
    portless = {"service": {"ports": [{"name": "x", "port": 1}]}}
    one = job(scheduler=portless)
    of_one = job_cluster(one, scheduler=portless)
    assert _wanted(_desired(one, of_one, scheduler(of_one))) == [("DaskCluster default/train-cluster", True)]


def test_a_deleted_runner_runs_again() -> None:
    """While it goes its name is waited for; if it cannot go, another is taken."""
    leaving = _desired(ONE, OF_ONE, runner(ONE, deleting=NOON))
    assert _wanted(leaving)[1] == ("Pod default/train-runner", False)
    stuck = _desired(ONE, OF_ONE, runner(ONE, deleting=LONG_AGO, uid="stuck"))
    assert _wanted(stuck)[1] == (f"Pod default/{names.replacement('train-runner', 'stuck')}", False)


@pytest.mark.parametrize("outcome", ["Successful", "Failed"])
def test_after_the_outcome_the_cluster_goes_and_the_runner_stays(outcome: str) -> None:
    """The runner is kept for its logs; whatever happens to it, it is not run again."""
    one = job(status={**OVER, "jobStatus": outcome})
    desired = _desired(one, OF_ONE, runner(one, phase="Succeeded"))
    assert [unwanted.present.metadata.name for unwanted in desired.unwanted] == ["train-cluster"]
    assert _wanted(desired) == [("Pod default/train-runner", True)]
    assert desired.records == ()
    assert _desired(one) == Desired(one)
    assert _desired(one, runner(one, phase="Failed", disrupted=True)).records == ()


def test_an_outcome_is_written_once() -> None:
    """Whatever the runner's Pod says later."""
    one = job(status=OVER)
    assert _desired(one, runner(one, phase="Failed")).records == ()


def test_a_users_own_cluster_is_not_deleted_with_the_job() -> None:
    """Even if they hung it on the job."""
    theirs = cluster("mine", owner=ONE, annotations={"a": "b"})
    assert _desired(job(status=OVER), theirs).unwanted == ()


def test_edits_reach_the_cluster_but_for_a_number_that_was_set_there() -> None:
    """Both numbers have their writer."""
    edited = job(replicas=3, worker={"spec": pod_spec("dask:2")})
    scaled = job_cluster(edited, replicas=7, handed_down=3)
    (wanted, *_) = _desired(edited, scaled).wanted
    assert wanted.body["spec"]["worker"] == {"spec": pod_spec("dask:2"), "replicas": 7}
    (wanted, *_) = _desired(job(replicas=5), scaled).wanted
    assert wanted.body["spec"]["worker"]["replicas"] == 5


def test_an_edit_of_the_runner_is_refused_in_words() -> None:
    """The Pod runs on; the condition says how to run the new template."""
    edited = job(runner=pod_spec("dask:2"))
    running = runner(edited, template_hash="old")
    desired = _desired(edited, OF_ONE, READY, running)
    assert reasons(desired.findings) == [Reason.RUNNER_CHANGED]
    assert "delete the Pod" in desired.findings[0].message
    assert _wanted(desired)[1] == ("Pod default/train-runner", True)
    assert _desired(edited, OF_ONE, READY, runner(edited)).findings == ()


@pytest.mark.parametrize("begun", [False, True])
def test_an_edited_runner_that_has_not_begun_is_replaced(begun: bool) -> None:  # noqa: FBT001 -- a parameter
    """Nothing would run twice: whoever mends an image need not know of the Pod; any change to it saves it."""
    edited = job(runner=pod_spec("dask:2"))
    waiting = {"name": "main", "restartCount": int(begun), "state": {"waiting": {"reason": "ErrImagePull"}}}
    pending = runner(edited, {"phase": "Pending", "containerStatuses": [waiting]}, template_hash="old")
    desired = _desired(edited, OF_ONE, READY, pending)
    assert [(one.present.key, one.only_as_seen) for one in desired.unwanted] == [(pending.key, True)] * (not begun)
    assert reasons(desired.findings) == [Reason.RUNNER_CHANGED] * begun
    assert len(desired.wanted) == 1 + begun


def test_the_runners_labels_are_kept_right() -> None:
    """They are patched in place, before and after the outcome."""
    for status in ({}, OVER):
        one = job(status=status, runner_metadata={"labels": {"team": "x"}})
        kept = _desired(one, OF_ONE, runner(one)).wanted[-1]
        assert kept.body["metadata"]["labels"]["team"] == "x"
        assert kept.body["metadata"]["annotations"][ROLE] == "job-runner"


@pytest.mark.parametrize(
    ("name", "naming", "is_told"),
    [
        ("a" * 45, Naming.CLASSIC, False),
        ("a" * 53, Naming.CLASSIC, False),
        ("a" * 54, Naming.CLASSIC, True),
        ("a" * 53, Naming.CURRENT, False),
        ("a" * 54, Naming.CURRENT, True),
        ("a.b", Naming.CURRENT, True),
    ],
)
def test_a_job_that_can_never_run_under_its_name_fails_and_says_why(
    name: str, naming: Naming, *, is_told: bool
) -> None:
    """Whoever polls it would wait for ever; the names can have the same length under both naming sets."""
    desired = _desired(job(name, naming=naming))
    assert (reasons(desired.findings) == [Reason.NAME_TOO_LONG]) is is_told
    assert (desired.wanted == ()) is is_told
    statuses = [record.body["status"] for record in desired.records]
    failed = {"jobStatus": "Failed", "endTime": "2026-01-31T12:00:00Z"}
    assert statuses == ([failed] if is_told else [])
    if is_told:
        over = _desired(job(name, naming=naming, status=failed))
        assert (over.records, over.wanted, reasons(over.findings)) == ((), (), [Reason.NAME_TOO_LONG])


def test_a_flyte_job_of_48_characters_gets_a_cluster_of_its_own_name() -> None:
    """Flyte looks for the scheduler by the job's whole name."""
    name = "rqab7cdefgh9i84j86kl-a0b1cdefghij5kl847mnopqrstu-0"[:48]
    assert _wanted(_desired(job(name))) == [(f"DaskCluster default/{name}", False)]


def test_a_job_that_lost_its_record_has_its_clusters_naming() -> None:
    """Where both naming sets give the cluster the same name, only its own record tells."""
    lost = job("a" * 48, naming=None)
    of_lost = cluster("a" * 48, naming=Naming.CURRENT, owner=lost, annotations={ROLE: "job-cluster"})
    (record,) = _desired(lost, of_lost, naming=Naming.CLASSIC).records
    assert record.body["metadata"]["annotations"] == {NAMING: "current"}


def test_a_job_waits_for_a_cluster_that_is_still_going() -> None:
    """No runner is started for a cluster that is not there."""
    desired = _desired(ONE, job_cluster(ONE, deleting=NOON))
    assert _wanted(desired) == [("DaskCluster default/train-cluster", False)]


def test_the_outcome_is_written_even_if_the_cluster_cannot_be_read() -> None:
    """An unreadable cluster does not hide that the job is over; an unreadable runner may be the one."""
    ended = runner(ONE, phase="Succeeded")
    assert _desired(ONE, unreadable(DASK_CLUSTER, "train-cluster", ONE), ended).records
    assert _desired(ONE, unreadable(POD, "train-runner-0a1b2", ONE), ended) == Desired(ONE)


def test_a_deleted_job_asks_for_nothing() -> None:
    """Everything goes with it."""
    one = job(deleting=NOON)
    assert _desired(one, OF_ONE, runner(one, phase="Succeeded")) == Desired(one)
