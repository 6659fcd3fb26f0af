"""The status of a DaskJob."""

import pytest

from models.resources import DaskCluster
from models.snapshot import Observed
from reconciler.passes.values import Body, Finding
from reconciler.rules.reasons import Reason
from tests.builders import (
    NOON,
    RUNNING,
    built,
    cluster,
    ended,
    job,
    job_cluster,
    pod,
    runner,
    scheduler,
    services,
    world,
)
from tests.unit.passes.report.podstates import NEW, READY, SUCCEEDED, UNSCHEDULABLE, failed
from tests.unit.passes.report.told import finding, told

WORK = job()
STARTED = "2026-01-31T11:00:00Z"
ENDED = "2026-01-31T11:30:00Z"
BEGUN = {"jobStatus": "Running", "startTime": STARTED}


def mine(of: Observed = WORK) -> DaskCluster:
    assert isinstance(of, type(WORK))
    return job_cluster(of, replicas=1)


STEPS: dict[str, tuple[Body, tuple[Observed, ...], str]] = {
    "nothing yet": ({}, (), "JobCreated"),
    "a cluster without a runner": ({}, (mine(),), "JobCreated"),
    "a cluster and a runner": ({}, (mine(), runner(WORK, NEW)), "ClusterCreated"),
    "the runner runs": ({}, (mine(), runner(WORK, READY)), "Running"),
    "the runner runs but is not ready": ({}, (mine(), runner(WORK, {"phase": "Running"})), "Running"),
    "the runner ended and was never seen running": ({}, (mine(), runner(WORK, SUCCEEDED)), "ClusterCreated"),
    "the runner is gone": ({"jobStatus": "Running"}, (mine(),), "Running"),
    "another runner waits": ({"jobStatus": "Running"}, (mine(), runner(WORK, NEW)), "Running"),
    "everything is gone": ({"jobStatus": "ClusterCreated"}, (), "ClusterCreated"),
    "it ended well": ({"jobStatus": "Successful"}, (runner(WORK, SUCCEEDED),), "Successful"),
    "it ended badly, and someone runs it again by hand": ({"jobStatus": "Failed"}, (mine(), runner(WORK)), "Failed"),
}


@pytest.mark.parametrize("case", STEPS)
def test_the_job_status_follows_what_exists_and_never_goes_back(case: str) -> None:
    """An outcome is decided elsewhere and only carried on."""
    known, objects, expected = STEPS[case]
    assert told(world(job(status=known), *objects)).statuses[WORK.key]["jobStatus"] == expected


def test_a_job_that_can_never_run_says_why_in_its_outcome() -> None:
    """Whoever polls it sees that it failed, and what to do."""
    failed_job = job(status={"jobStatus": "Failed", "endTime": ENDED})
    after = told(world(failed_job), findings=[Finding(failed_job.key, Reason.NAME_TOO_LONG, "the name is too long")])
    for type_, status in (("Ready", "False"), ("Complete", "False"), ("Failed", "True"), ("Progressing", "False")):
        condition = after.condition(failed_job, type_)
        assert (condition.status, condition.reason) == (status, "NameTooLong")
        assert condition.message == "The name is too long."
    assert after.statuses[failed_job.key]["jobStatus"] == "Failed"


def test_a_job_that_failed_beside_a_sidecar_says_how() -> None:
    """Its Pod still runs."""
    over = job(status={"jobStatus": "Failed", "startTime": STARTED, "endTime": ENDED})
    containers = {"vault": RUNNING, "job-runner": ended(3)}
    beside = runner(over, containers=containers, restart_policy="Never")
    message = told(world(over, beside)).condition(over, "Failed").message
    assert message == "The runner Pod train-runner failed: container job-runner: exit code 3 (Error)."


def test_the_start_is_when_the_runner_started() -> None:
    """The Pod's own start is nearer to the truth than the time at which it was seen."""
    after = told(world(WORK, mine(), runner(WORK, {**READY, "startTime": STARTED})))
    assert after.statuses[WORK.key]["startTime"] == STARTED


def test_the_start_is_now_where_the_runner_does_not_say() -> None:
    """A job that is seen running has a start."""
    assert told(world(WORK, mine(), runner(WORK))).statuses[WORK.key]["startTime"] == "2026-01-31T12:00:00Z"


def test_the_start_is_written_once() -> None:
    """A second runner does not make the job younger."""
    known = job(status=BEGUN)
    after = told(world(known, mine(), runner(known, {**READY, "startTime": ENDED})))
    assert after.statuses[WORK.key]["startTime"] == STARTED


def test_names_stay_when_what_they_name_is_gone() -> None:
    """After the job its cluster is deleted; its name is still of use to find logs."""
    over = job(status={"jobStatus": "Successful", "clusterName": "train-cluster", "jobRunnerPodName": "train-runner"})
    status = told(world(over)).statuses[WORK.key]
    assert (status["clusterName"], status["jobRunnerPodName"]) == ("train-cluster", "train-runner")


def test_an_outcome_is_carried_on_unchanged() -> None:
    """Server-side apply would remove what it leaves out."""
    outcome = {"jobStatus": "Failed", "startTime": STARTED, "endTime": ENDED, "jobRunnerPodName": "train-runner"}
    status = told(world(job(status=outcome), mine(), runner(WORK, name="train-runner-abcde"))).statuses[WORK.key]
    assert {name: status[name] for name in outcome} == outcome


@pytest.mark.parametrize(
    ("known", "complete", "failed_"),
    [("Running", "False", "False"), ("Successful", "True", "False"), ("Failed", "False", "True")],
)
def test_complete_and_failed_say_how_it_ended(known: str, complete: str, failed_: str) -> None:
    """`kubectl wait --for=condition=Complete` returns when a job has ended well."""
    after = told(world(job(status={"jobStatus": known}), mine(), runner(WORK)))
    assert (after.condition(WORK, "Complete").status, after.condition(WORK, "Failed").status) == (complete, failed_)


def test_a_failed_job_says_how_its_command_ended_even_when_the_pod_is_gone() -> None:
    """The exit code is what people look for."""
    over = job(status={"jobStatus": "Failed"})
    seen = told(world(over, runner(over, failed(3))))
    message = "The runner Pod train-runner failed: exit code 3 (Error)."
    assert seen.condition(WORK, "Failed").message == message
    known = seen.world.objects[WORK.key]
    assert told(world(known)).actions == ()


def test_a_job_is_ready_when_its_cluster_and_its_runner_are() -> None:
    """Ready says that the command is at work on a working cluster."""
    work = built(mine(), READY)
    ready = told(world(WORK, *work, runner(WORK))).condition(WORK, "Ready")
    assert (ready.status, ready.message) == ("True", "The runner Pod train-runner runs on a ready cluster.")
    ready = told(world(WORK, *work, runner(WORK, NEW))).condition(WORK, "Ready")
    assert (ready.reason, ready.message) == ("RunnerNotReady", "The runner Pod train-runner must wait to be scheduled.")
    ready = told(world(WORK, *work)).condition(WORK, "Ready")
    assert (ready.reason, ready.message) == ("NotCreated", "The runner Pod has not been created yet.")
    ready = told(world(WORK)).condition(WORK, "Ready")
    assert (ready.reason, ready.message) == ("NotCreated", "The job's cluster has not been created yet.")


def test_a_command_that_failed_and_is_to_be_tried_again_is_not_said_to_run() -> None:
    """The Pod's phase stays Running meanwhile."""
    waiting = {"name": "main", "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    crashed = runner(WORK, {"phase": "Running", "containerStatuses": [waiting]})
    seen = told(world(WORK, *built(mine(), READY), crashed))
    assert seen.condition(WORK, "Progressing").message == seen.condition(WORK, "Ready").message


def test_a_finished_job_is_not_ready_and_not_progressing() -> None:
    """Like a Pod that has completed."""
    over = told(world(job(status={"jobStatus": "Successful"}), runner(WORK, SUCCEEDED)))
    for type_ in ("Ready", "Progressing"):
        condition = over.condition(WORK, type_)
        assert (condition.status, condition.reason) == ("False", "Finished")


def test_an_edit_of_the_runner_is_shown_until_it_is_applied() -> None:
    """A running command is never restarted by an edit; the user is told instead."""
    objects = (WORK, mine(), runner(WORK))
    assert told(world(*objects)).condition(WORK, "RunnerUpToDate").status == "True"
    changed = told(world(*objects), findings=[finding(WORK, Reason.RUNNER_CHANGED, "spec.job was edited")])
    condition = changed.condition(WORK, "RunnerUpToDate")
    assert (condition.status, condition.reason, condition.message) == (
        "False",
        "RunnerTemplateChanged",
        "spec.job was edited.",
    )


def test_a_helper_pod_of_the_jobs_is_not_its_runner() -> None:
    """A Pod of a user's that is ready says nothing of the command."""
    helping = pod("a-helper", owner=WORK, labels={"dask.org/component": "job-runner"})
    status = told(world(WORK, mine(), helping)).statuses[WORK.key]
    assert status["jobStatus"] == "JobCreated"
    assert "jobRunnerPodName" not in status
    both = told(world(WORK, mine(), helping, runner(WORK, NEW))).statuses[WORK.key]
    assert (both["jobStatus"], both["jobRunnerPodName"]) == ("ClusterCreated", "train-runner")


def test_a_cluster_that_someone_made_the_jobs_is_not_its_cluster() -> None:
    """It is named by no status, and waited for by nobody."""
    theirs = cluster("a-notebook", owner=WORK)
    assert "clusterName" not in told(world(WORK, theirs)).statuses[WORK.key]


def test_a_runner_that_is_being_deleted_gives_way_to_the_next() -> None:
    """The job's runner is the one that stays."""
    objects = (
        WORK,
        mine(),
        runner(WORK, READY, name="train-runner", deleting=True),
        runner(WORK, NEW, name="train-runner-abcde"),
    )
    status = told(world(*objects)).statuses[WORK.key]
    assert (status["jobRunnerPodName"], status["jobStatus"]) == ("train-runner-abcde", "ClusterCreated")


def test_every_condition_is_there_from_the_first_visit_on() -> None:
    """Who waits for a condition need not fear that it is missing."""
    conditions = told(world(WORK)).statuses[WORK.key]["conditions"]
    assert [condition["type"] for condition in conditions] == [
        "Ready",
        "Progressing",
        "Complete",
        "Failed",
        "RunnerUpToDate",
        "Accepted",
    ]
    for condition in conditions:
        assert condition["message"]
        assert condition["observedGeneration"] == 1
        assert condition["lastTransitionTime"] == f"{NOON:%Y-%m-%dT%H:%M:%SZ}"


def test_a_job_shows_what_its_cluster_lacks() -> None:
    """Who looks at the job need not look at the cluster."""
    after = told(world(WORK, mine(), scheduler(mine(), UNSCHEDULABLE), *services(mine()), runner(WORK, NEW)))
    ready = after.condition(WORK, "Ready")
    assert ready.reason == "ClusterNotReady"
    assert ready.message == after.condition(mine(), "Ready").message
