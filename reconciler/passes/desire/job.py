"""What a DaskJob asks for: a cluster of its own and a Pod that runs its command.

    JobCreated ──► ClusterCreated ──► Running ──► Successful ──► the cluster is deleted, the runner Pod kept
                   cluster and gated  runner      or Failed
                   runner exist       Pod runs    written first

The gate on the runner Pod falls when the scheduler is ready; a runner whose node is given cannot be gated, and is
created then. A runner that is deleted, evicted or lost with its node before the outcome is written runs again: at
least once. After the outcome nothing is run again.
"""

from collections.abc import Iterator

from models.base import wire_time
from models.kinds import DASK_CLUSTER, POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskJob
from models.snapshot import Snapshot
from models.status import JobStatus
from reconciler.passes.desire.children import (
    Marks,
    child_body,
    naming_shown_by_children,
    record_naming,
    replicas_to_hand_down,
)
from reconciler.passes.desire.crash_backoff import how_it_ended
from reconciler.passes.desire.pods import SCHEDULER_ADDRESS, can_be_gated, gated, with_environment
from reconciler.passes.values import Body, Desired, Finding, Record, Unwanted, Wanted
from reconciler.rules import names
from reconciler.rules.addresses import scheduler_address
from reconciler.rules.labels import (
    CLUSTER_NAME,
    COMPONENT,
    NAMING,
    REPLICAS_HANDED_DOWN,
    SCHEDULER_GATE,
    TEMPLATE_HASH,
    Component,
    Role,
)
from reconciler.rules.names import Naming
from reconciler.rules.parts import ClusterParts, JobParts, is_stuck, recorded_naming
from reconciler.rules.reasons import Reason
from reconciler.rules.template_hash import runner_hash


def desire_job(job: DaskJob, snapshot: Snapshot, naming: Naming) -> Desired:
    """The job's cluster and runner Pod, its outcome, and in the end the cluster's removal."""
    recorded = recorded_naming(job)
    if recorded is None:
        cluster_names = {each: names.job_cluster(each, job.metadata.name) for each in Naming}
        in_use = naming_shown_by_children(job.metadata.uid, snapshot, cluster_names)
        return Desired(job, records=(record_naming(job, in_use or naming),))
    wrong = names.cluster_name_error(names.job_cluster(recorded, job.metadata.name))
    if wrong:
        return Desired(job, findings=(Finding(job.key, Reason.NAME_TOO_LONG, f"its cluster cannot be made: {wrong}"),))
    parts = JobParts(job, snapshot)
    runner = parts.runner
    if job.status.job_status is not None and job.status.job_status.is_outcome:
        gone = tuple(Unwanted(cluster, f"the job has ended: {job.status.job_status}") for cluster in parts.clusters)
        return Desired(job, wanted=(_kept(job, runner, None),) if runner else (), unwanted=gone)
    if runner is not None and runner.has_ended and not _was_lost(runner):
        return Desired(job, records=(_outcome(job, runner, snapshot),))
    wanted_cluster = _cluster(parts, recorded)
    return Desired(
        job,
        wanted=(wanted_cluster, *_wanted_runner(job, runner, wanted_cluster, snapshot)),
        unwanted=(Unwanted(runner, how_it_ended(runner)),) if runner and runner.has_ended else (),
        findings=tuple(_runner_findings(job, runner)),
    )


def _was_lost(runner: Pod) -> bool:
    """Whether the runner failed because of its node or a preemption; one that succeeded nevertheless has succeeded."""
    return runner.status.phase == "Failed" and runner.was_disrupted


def _outcome(job: DaskJob, runner: Pod, snapshot: Snapshot) -> Record:
    succeeded = runner.status.phase == "Succeeded"
    started = job.status.start_time or runner.status.start_time or snapshot.taken_at
    status = {
        "jobStatus": str(JobStatus.SUCCESSFUL if succeeded else JobStatus.FAILED),
        "jobRunnerPodName": runner.metadata.name,
        "startTime": wire_time(started),
        "endTime": wire_time(snapshot.taken_at),
    }
    return Record(job, {"status": status}, f"its runner has ended: {runner.status.phase}")


def _cluster(parts: JobParts, naming: Naming) -> Wanted:
    job, present = parts.job, parts.cluster
    template = job.spec.cluster
    name = names.job_cluster(naming, job.metadata.name)
    key = present.key if present else Key(DASK_CLUSTER, job.metadata.namespace, name)
    parents = template.spec.worker.replicas
    marks = Marks(
        Role.JOB_CLUSTER,
        (job.metadata, template.metadata),
        {CLUSTER_NAME: key.name},
        {NAMING: str(naming), REPLICAS_HANDED_DOWN: str(parents)},
    )
    replicas = replicas_to_hand_down(
        parents, present.metadata if present else None, present.spec.worker.replicas if present else 0
    )
    spec = template.spec.written()
    spec = {**spec, "worker": {**spec["worker"], "replicas": replicas}}
    return Wanted(key, child_body(DASK_CLUSTER, key.name, job, marks, spec), present, "a job has a cluster of its own")


def _wanted_runner(job: DaskJob, runner: Pod | None, wanted_cluster: Wanted, snapshot: Snapshot) -> Iterator[Wanted]:
    cluster = wanted_cluster.present
    if runner is not None:
        if not runner.has_ended:
            ready = isinstance(cluster, DaskCluster) and _has_ready_scheduler(cluster, snapshot)
            yield _kept(job, runner, _ungated(runner) if ready else None)
    elif isinstance(cluster, DaskCluster) and (
        can_be_gated(job.spec.job.spec) or _has_ready_scheduler(cluster, snapshot)
    ):
        yield _new(job, cluster, snapshot)


def _has_ready_scheduler(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    scheduler = ClusterParts(cluster, snapshot).lasting_scheduler
    return scheduler is not None and scheduler.is_ready


def _ungated(runner: Pod) -> Body | None:
    """The part of the spec that lets the runner be scheduled; `None` if our gate has fallen already."""
    others = [{"name": gate.name} for gate in runner.spec.scheduling_gates if gate.name != SCHEDULER_GATE]
    return {"schedulingGates": others} if len(others) < len(runner.spec.scheduling_gates) else None


def _kept(job: DaskJob, runner: Pod, spec: Body | None) -> Wanted:
    name = runner.metadata.name
    cluster_name = runner.metadata.labels.get(CLUSTER_NAME, "")
    return Wanted(
        runner.key, child_body(POD, name, job, _marks(job, cluster_name), spec), runner, "the scheduler is ready"
    )


def _new(job: DaskJob, cluster: DaskCluster, snapshot: Snapshot) -> Wanted:
    name = names.job_runner(job.metadata.name)
    taken = {pod.metadata.name: pod for pod in snapshot.children(job.metadata.uid, Pod)}
    while name in taken and is_stuck(taken[name], snapshot.taken_at):
        name = names.replacement(names.job_runner(job.metadata.name), taken[name].metadata.uid)
    spec = {"restartPolicy": "OnFailure", **job.spec.job.spec}
    spec = with_environment(spec, {SCHEDULER_ADDRESS: scheduler_address(cluster)})
    spec = gated(spec) if can_be_gated(spec) else spec
    marks = _marks(job, cluster.metadata.name, {TEMPLATE_HASH: runner_hash(job)})
    key = Key(POD, job.metadata.namespace, name)
    return Wanted(key, child_body(POD, name, job, marks, spec), None, "the job has no outcome yet")


def _marks(job: DaskJob, cluster_name: str, facts: dict[str, str] | None = None) -> Marks:
    labels = {CLUSTER_NAME: cluster_name, COMPONENT: str(Component.JOB_RUNNER)}
    return Marks(Role.JOB_RUNNER, (job.metadata, job.spec.job.metadata), labels, facts or {})


def _runner_findings(job: DaskJob, runner: Pod | None) -> Iterator[Finding]:
    if runner is not None and runner.metadata.annotations.get(TEMPLATE_HASH) != runner_hash(job):
        yield Finding(
            job.key,
            Reason.RUNNER_CHANGED,
            f"spec.job was edited, but Pod {runner.metadata.name} runs on from the template it was made from; "
            "delete the Pod to run the job from the new one",
        )
