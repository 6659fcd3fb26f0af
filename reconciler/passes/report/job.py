"""The status of a DaskJob.

    JobCreated ──► ClusterCreated ──► Running ──► Successful
                   cluster and        runner      or Failed: written as a decision, only carried on here
                   runner Pod exist   Pod runs

A job's status never goes back, whatever happens to its Pods.
"""

from dataclasses import dataclass

from models.base import Condition, find_condition
from models.observed import Pod
from models.resources import DaskCluster, DaskJob
from models.status import DaskClusterStatus, DaskJobStatus, JobStatus
from reconciler.passes.report.acceptance import accepted
from reconciler.passes.report.conditions import Reason, Type, blocked, false, is_true, messages_on, settle, true
from reconciler.passes.report.pod_trouble import explain, explain_end
from reconciler.passes.report.progress import held
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View, is_live
from reconciler.passes.values import Topic
from reconciler.rules import names
from reconciler.rules.labels import Role
from reconciler.rules.parts import find_child, naming_in_force
from reconciler.rules.pod_end import End, end_of

_STEPS = (JobStatus.JOB_CREATED, JobStatus.CLUSTER_CREATED, JobStatus.RUNNING)


def child_cluster(view: View, job: DaskJob) -> DaskCluster | None:
    """The job's cluster, unless it is being deleted."""
    name = names.job_cluster(naming_in_force(job), job.metadata.name)
    return find_child(view.snapshot.children(job.metadata.uid, DaskCluster), Role.JOB_CLUSTER, name)


def report_job(view: View, job: DaskJob, cluster: DaskCluster | None, of_cluster: DaskClusterStatus) -> DaskJobStatus:
    """The job's status.

    Args:
        view: The world.
        job: The job.
        cluster: Its cluster, if there is one.
        of_cluster: The status of that cluster, as it is being reported.
    """
    return _Job(view, job, cluster, of_cluster, find_runner(view, job)).status()


def find_runner(view: View, job: DaskJob) -> Pod | None:
    """The Pod that runs, or ran, the job's command: one that is not being deleted, if there is one."""
    pods = view.snapshot.children(job.metadata.uid, Pod)
    return min(pods, key=lambda pod: (pod.is_terminating, pod.metadata.name), default=None)


@dataclass(frozen=True)
class _Job:
    """A job with what its status is worked out from."""

    view: View
    job: DaskJob
    cluster: DaskCluster | None
    of_cluster: DaskClusterStatus
    runner: Pod | None

    def status(self) -> DaskJobStatus:
        """The whole status; of a job that someone else runs, only the conditions change."""
        observed = self.job.status
        progress = self._job_status()
        conditions = self._conditions(progress)
        update: dict[str, object] = {
            "conditions": settle(conditions, observed.conditions, self.job.metadata.generation, self.view.now)
        }
        if conditions[0].reason != Topic.OTHER_OPERATOR:
            update |= {
                "observed_generation": self.job.metadata.generation,
                "job_status": progress,
                "cluster_name": self.cluster.metadata.name if self.cluster else observed.cluster_name,
                "job_runner_pod_name": self._runner_name(),
            }
            if progress is JobStatus.RUNNING and self.runner is not None:
                update["start_time"] = observed.start_time or self.runner.status.start_time or self.view.now
        return observed.model_copy(update=update)

    def _job_status(self) -> JobStatus:
        known = self.job.status.job_status
        if known is not None and known.is_outcome:
            return known
        seen = JobStatus.JOB_CREATED
        if self.runner is not None and self.cluster is not None:
            seen = JobStatus.CLUSTER_CREATED
        if self._is_running():
            seen = JobStatus.RUNNING
        return max(seen, known or seen, key=_STEPS.index)

    def _is_running(self) -> bool:
        return self.runner is not None and is_live(self.runner) and self.runner.status.phase == "Running"

    def _runner_name(self) -> str | None:
        known = self.job.status
        is_over = known.job_status is not None and known.job_status.is_outcome
        if self.runner is None or (is_over and known.job_runner_pod_name):
            return known.job_runner_pod_name
        return self.runner.metadata.name

    def _conditions(self, progress: JobStatus) -> tuple[Condition, ...]:
        findings = self.view.findings_of(self.job)
        ready = blocked(findings) or self._ready(progress)
        progressing = self._progressing(progress, ready)
        changed = messages_on(findings, Topic.RUNNER_CHANGED)
        up_to_date = true(Type.RUNNER_UP_TO_DATE, Reason.UP_TO_DATE, "No edit of spec.job waits to be applied.")
        if changed:
            up_to_date = false(Type.RUNNER_UP_TO_DATE, Topic.RUNNER_CHANGED, " ".join(changed))
        return ready, progressing, *self._outcome(progress), up_to_date, accepted(self.view, self.job)

    def _ready(self, progress: JobStatus) -> Condition:
        if progress.is_outcome:
            return false(Type.READY, Reason.FINISHED, f"The job has ended: {progress}.")
        if self.cluster is None:
            return self._not_created("The job's cluster")
        of_cluster = find_condition(self.of_cluster.conditions, Type.READY)
        if of_cluster is None or not is_true(of_cluster):
            message = of_cluster.message if of_cluster else "The cluster is being looked at."
            return false(Type.READY, Reason.CLUSTER_NOT_READY, message)
        return self._runner_ready()

    def _runner_ready(self) -> Condition:
        if self.runner is None:
            return self._not_created("The runner Pod")
        if not self.runner.is_ready:
            message = f"The runner Pod {self.runner.metadata.name} {explain(self.runner)}"
            return false(Type.READY, Reason.RUNNER_NOT_READY, sentence(message))
        return true(Type.READY, Reason.READY, f"The runner Pod {self.runner.metadata.name} runs on a ready cluster.")

    def _not_created(self, what: str) -> Condition:
        acceptance = accepted(self.view, self.job)
        refused = f", since the API server refused it: {acceptance.message}"
        message = f"{what} has not been created{refused if acceptance.status == 'False' else ' yet'}"
        return false(Type.READY, Reason.NOT_CREATED, sentence(message))

    def _progressing(self, progress: JobStatus, ready: Condition) -> Condition:
        hold = held(self.view, self.job)
        if hold is not None:
            return hold
        if progress.is_outcome:
            return false(Type.PROGRESSING, Reason.FINISHED, ready.message)
        if self._is_running():
            return true(Type.PROGRESSING, Reason.RUNNING, "The job's command is running.")
        is_there = self.cluster is not None and self.runner is not None
        return true(Type.PROGRESSING, Reason.STARTING if is_there else Reason.CREATING, ready.message)

    def _outcome(self, progress: JobStatus) -> tuple[Condition, Condition]:
        if progress is JobStatus.SUCCESSFUL:
            message = "The job's command ended well."
            return true(Type.COMPLETE, Reason.SUCCEEDED, message), false(Type.FAILED, Reason.SUCCEEDED, message)
        if progress is JobStatus.FAILED:
            message = self._why_failed()
            never_ran = bool(messages_on(self.view.findings_of(self.job), Topic.NAME_TOO_LONG))
            reason = Topic.NAME_TOO_LONG if never_ran else Reason.RUNNER_FAILED
            return false(Type.COMPLETE, reason, message), true(Type.FAILED, reason, message)
        message = "The job has not ended yet."
        return false(Type.COMPLETE, Reason.NOT_FINISHED, message), false(Type.FAILED, Reason.NOT_FINISHED, message)

    def _why_failed(self) -> str:
        """How the runner ended; kept when the Pod is gone."""
        known = find_condition(self.job.status.conditions, Type.FAILED)
        if known is not None and known.status == "True":
            return known.message
        never = messages_on(self.view.findings_of(self.job), Topic.NAME_TOO_LONG)
        if never:
            return " ".join(never)
        if self.runner is None or end_of(self.runner) is not End.FAILED:
            return "The job's command failed."
        return sentence(f"The runner Pod {self.runner.metadata.name} {explain_end(self.runner)}")
