"""What a DaskJob asks for: a cluster of its own and a Pod that runs its command.

    JobCreated ──► ClusterCreated ──► Running ──► Successful ──► the cluster is deleted, the runner Pod kept
                   cluster and gated  runner      or Failed
                   runner exist       Pod runs    written first

The gate on the runner Pod falls when the scheduler is ready; a runner whose node is given cannot be gated, and is
created then. The outcome is how the runner's work ended (rules/pod_end.py), whatever sidecars do. A runner
that is deleted, refused by its node or lost with it before the outcome is written runs again: at least once, and from
the third loss in a row after a wait. After the outcome nothing is run again, and a runner that has yet to begin goes.
A job that can never run fails at once.
"""

from collections.abc import Iterator

from models.base import wire_time
from models.kinds import DASK_CLUSTER, POD, Key
from models.observed import Pod
from models.resources import DaskCluster, DaskJob
from models.snapshot import Snapshot
from models.status import JobStatus
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.desire.crash_backoff import Counts, count_ends, in_a_row, retry_at
from reconciler.passes.desire.naming import naming_shown_by_children, record_naming
from reconciler.passes.desire.pods import (
    SCHEDULER_ADDRESS,
    can_be_gated,
    gated,
    knows_its_scheduler,
    with_environment,
)
from reconciler.passes.desire.replicas import replicas_to_hand_down
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
from reconciler.rules.parts import ClusterParts, JobParts, recorded_naming
from reconciler.rules.pod_end import End, end_of, has_begun, how_it_ended
from reconciler.rules.reasons import Reason
from reconciler.rules.stuck_pod import is_stuck
from reconciler.rules.template_hash import runner_hash


def desire_job(job: DaskJob, snapshot: Snapshot, naming: Naming) -> Desired:
    """The job's cluster and runner Pod, its outcome, and in the end the cluster's removal."""
    recorded = recorded_naming(job)
    if recorded is None:
        return Desired(job, records=(record_naming(job, _naming_in_use(job, snapshot) or naming),))
    is_over = job.status.job_status is not None and job.status.job_status.is_outcome
    wrong = names.cluster_name_error(names.job_cluster(recorded, job.metadata.name))
    if wrong:
        told = Finding(job.key, Reason.NAME_TOO_LONG, f"the job can never run: {wrong}")
        return Desired(job, records=() if is_over else (_never_run(job, snapshot),), findings=(told,))
    parts = JobParts(job, snapshot)
    if is_over:
        return _after_the_end(parts)
    runner = parts.runner
    end = end_of(runner) if runner is not None else None
    if runner is not None and end is not None and end.is_lost:
        return _lost(parts, runner, recorded)
    if runner is not None and end is not None:
        return Desired(job, records=(_outcome(job, runner, end, snapshot),))
    wanted_cluster, waits = _cluster(parts, recorded), () if runner else _backoff(job, snapshot)
    unwanted = tuple(_edited_before_it_began(job, runner))
    wanted_runner = () if waits or unwanted else tuple(_wanted_runner(job, runner, wanted_cluster, snapshot))
    findings = () if unwanted else (*_runner_findings(job, runner), *waits)
    return Desired(job, (wanted_cluster, *wanted_runner), unwanted, findings=findings)


def _naming_in_use(job: DaskJob, snapshot: Snapshot) -> Naming | None:
    """The naming set of a job that has lost its record: what its cluster has recorded, or else is called."""
    recorded = (recorded_naming(cluster) for cluster in snapshot.children(job.metadata.uid, DaskCluster))
    cluster_names = {each: names.job_cluster(each, job.metadata.name) for each in Naming}
    return next(filter(None, recorded), None) or naming_shown_by_children(job.metadata.uid, snapshot, cluster_names)


def _after_the_end(parts: JobParts) -> Desired:
    """The cluster goes, and the runner Pod is kept for its logs; one that has yet to begin, made too late, goes too."""
    job, reason = parts.job, f"the job has ended: {parts.job.status.job_status}"
    too_late = [pod for pod in parts.runners if not pod.is_terminating and _ungated(pod) is not None]
    kept = [pod for pod in (parts.runner,) if pod and not pod.is_terminating and pod not in too_late]
    return Desired(
        job,
        wanted=tuple(_kept(job, pod, None, job.status.cluster_name) for pod in kept),
        unwanted=(*(Unwanted(one, reason) for one in parts.clusters), *(Unwanted(pod, reason) for pod in too_late)),
    )


def _lost(parts: JobParts, runner: Pod, naming: Naming) -> Desired:
    """The loss is written down, then the runner Pod goes, and the next one takes its name."""
    job, why = parts.job, f"it {how_it_ended(runner)}"
    counts = count_ends(_counts(job), [runner], runner_hash(job), parts.snapshot.taken_at)
    if counts:
        return Desired(job, records=(Record(job, {"status": {"decisions": counts}}, f"its runner was lost: {why}"),))
    return Desired(job, wanted=(_cluster(parts, naming),), unwanted=(Unwanted(runner, why),))


def _backoff(job: DaskJob, snapshot: Snapshot) -> tuple[Finding, ...]:
    until = retry_at(_counts(job), runner_hash(job), snapshot.taken_at)
    if until is None or until <= snapshot.taken_at:
        return ()
    times = in_a_row(_counts(job), runner_hash(job), snapshot.taken_at)
    message = f"its runner was lost {times}; the next one starts at {wire_time(until)}"
    return (Finding(job.key, Reason.BACK_OFF, message),)


def _counts(job: DaskJob) -> Counts:
    return Counts(None, job.status.decisions.losses)


def _never_run(job: DaskJob, snapshot: Snapshot) -> Record:
    """That the job has failed: whoever polls it would wait for ever, and a name cannot be changed."""
    status = {"jobStatus": str(JobStatus.FAILED), "endTime": wire_time(snapshot.taken_at)}
    return Record(job, {"status": status}, "the job can never run under its name")


def _outcome(job: DaskJob, runner: Pod, end: End, snapshot: Snapshot) -> Record:
    started = job.status.start_time or runner.status.start_time or snapshot.taken_at
    status = {
        "jobStatus": str(JobStatus.SUCCESSFUL if end is End.SUCCEEDED else JobStatus.FAILED),
        "jobRunnerPodName": runner.metadata.name,
        "startTime": wire_time(started),
        "endTime": wire_time(max(started, snapshot.taken_at)),  # clocks differ, and are set
    }
    return Record(job, {"status": status}, f"its runner has come to its end: it {how_it_ended(runner)}")


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
        ready = isinstance(cluster, DaskCluster) and _has_ready_scheduler(cluster, snapshot)
        yield _kept(job, runner, _ungated(runner) if ready else None, wanted_cluster.key.name)
    elif isinstance(cluster, DaskCluster) and _can_start(job, cluster, snapshot):
        yield _new(job, cluster, snapshot)


def _can_start(job: DaskJob, cluster: DaskCluster, snapshot: Snapshot) -> bool:
    is_due = can_be_gated(job.spec.job.spec) or _has_ready_scheduler(cluster, snapshot)
    return is_due and knows_its_scheduler(job.spec.job.spec, cluster)


def _has_ready_scheduler(cluster: DaskCluster, snapshot: Snapshot) -> bool:
    scheduler = ClusterParts(cluster, snapshot).lasting_scheduler
    return scheduler is not None and scheduler.is_ready


def _ungated(runner: Pod) -> Body | None:
    """The part of the spec that lets the runner be scheduled; `None` if our gate has fallen already."""
    others = [{"name": gate.name} for gate in runner.spec.scheduling_gates if gate.name != SCHEDULER_GATE]
    return {"schedulingGates": others} if len(others) < len(runner.spec.scheduling_gates) else None


def _kept(job: DaskJob, runner: Pod, spec: Body | None, cluster_name: str | None) -> Wanted:
    # Only of a job whose status was lost is the cluster's name known from the Pod alone.
    marks = _marks(job, cluster_name or runner.metadata.labels.get(CLUSTER_NAME, ""))
    body = child_body(POD, runner.metadata.name, job, marks, spec)
    return Wanted(runner.key, body, runner, "the scheduler is ready")


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


def _edited_before_it_began(job: DaskJob, runner: Pod | None) -> Iterator[Unwanted]:
    """The runner Pod if nothing would run twice without it; whatever happens to it meanwhile saves it."""
    if runner is not None and _is_outdated(job, runner) and not has_begun(runner) and not runner.is_terminating:
        yield Unwanted(runner, "spec.job was edited before it began", only_as_seen=True)


def _is_outdated(job: DaskJob, runner: Pod) -> bool:
    return runner.metadata.annotations.get(TEMPLATE_HASH) != runner_hash(job)


def _runner_findings(job: DaskJob, runner: Pod | None) -> Iterator[Finding]:
    if runner is not None and _is_outdated(job, runner):
        yield Finding(
            job.key,
            Reason.RUNNER_CHANGED,
            f"spec.job was edited, but Pod {runner.metadata.name} runs on from the template it was made from; "
            "delete the Pod to run the job from the new one",
        )
