"""The status of a DaskJob.

    JobCreated ──► ClusterCreated ──► Running ──► Successful
                   cluster and        runner      or Failed: written as a decision, only carried on here
                   runner Pod exist   Pod runs

A job's status never goes back, whatever happens to its Pods.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.base import Condition, find_condition
from models.observed import Pod
from models.resources import DaskCluster, DaskJob
from models.status import DaskClusterStatus, DaskJobStatus, JobStatus
from reconciler.passes.report.acceptance import accepted
from reconciler.passes.report.conditions import blocked, condition, is_true, messages_with, settle
from reconciler.passes.report.obstacle_condition import obstacle_condition
from reconciler.passes.report.pod_trouble import explain, explain_end
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.rules.main_container import working_first
from reconciler.rules.parts import JobParts, is_live
from reconciler.rules.pod_end import End, end_of
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

_STEPS = (JobStatus.JOB_CREATED, JobStatus.CLUSTER_CREATED, JobStatus.RUNNING)


def report_job(view: View, parts: JobParts, of_cluster: DaskClusterStatus) -> DaskJobStatus:
    """The job's status.

    Args:
        view: The world.
        parts: What the job consists of.
        of_cluster: The status of its cluster, as it is being reported.
    """
    # One that is being deleted still says how it ended, while there is no other.
    runner = parts.runner or min(parts.runners, key=lambda pod: pod.metadata.name, default=None)
    return _Job(view, parts.job, parts.cluster, of_cluster, runner).status()


@dataclass(frozen=True)
class _Job:
    """A job with what its status is worked out from."""

    view: View
    job: DaskJob
    cluster: DaskCluster | None
    of_cluster: DaskClusterStatus
    runner: Pod | None

    def status(self) -> DaskJobStatus:
        """The whole status."""
        observed = self.job.status
        progress = self._job_status()
        conditions = self._conditions(progress)
        update: dict[str, object] = {
            "conditions": settle(conditions, observed.conditions, self.job.metadata.generation, self.view.now)
        }
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

    def _is_between_two_tries(self) -> bool:
        """Whether the job's command has failed and is yet to be started again by the kubelet."""
        main = next(iter(working_first(self.runner)), None) if self.runner is not None else None
        return main is not None and main.state.waiting is not None

    def _runner_name(self) -> str | None:
        known = self.job.status
        is_over = known.job_status is not None and known.job_status.is_outcome
        if self.runner is None or (is_over and known.job_runner_pod_name):
            return known.job_runner_pod_name
        return self.runner.metadata.name

    def _conditions(self, progress: JobStatus) -> tuple[Condition, ...]:
        findings = self.view.findings_of(self.job)
        ready = blocked(ConditionType.READY, findings) or self._ready(progress)
        progressing = self._progressing(progress, ready)
        changed = messages_with(findings, Reason.RUNNER_CHANGED)
        reason = Reason.RUNNER_CHANGED if changed else Reason.UP_TO_DATE
        message = " ".join(changed) or "No edit of spec.job waits to be applied."
        up_to_date = condition(ConditionType.RUNNER_UP_TO_DATE, reason, message)
        return ready, progressing, *self._outcome(progress), up_to_date, accepted(self.view, self.job)

    def _ready(self, progress: JobStatus) -> Condition:
        if progress.is_outcome:
            return condition(ConditionType.READY, Reason.FINISHED, f"The job has ended: {progress}.")
        if self.cluster is None:
            return self._not_created("The job's cluster")
        of_cluster = find_condition(self.of_cluster.conditions, ConditionType.READY)
        if of_cluster is None or not is_true(of_cluster):
            message = of_cluster.message if of_cluster else "The cluster is being looked at."
            return condition(ConditionType.READY, Reason.CLUSTER_NOT_READY, message)
        return self._runner_ready()

    def _runner_ready(self) -> Condition:
        if self.runner is None:
            return self._not_created("The runner Pod")
        if not self.runner.is_ready:
            message = f"The runner Pod {self.runner.metadata.name} {explain(self.runner)}"
            return condition(ConditionType.READY, Reason.RUNNER_NOT_READY, sentence(message))
        message = f"The runner Pod {self.runner.metadata.name} runs on a ready cluster."
        return condition(ConditionType.READY, Reason.READY, message)

    def _not_created(self, what: str) -> Condition:
        acceptance = accepted(self.view, self.job)
        refused = f", since the API server refused it: {acceptance.message}"
        message = f"{what} has not been created{refused if acceptance.status == 'False' else ' yet'}"
        return condition(ConditionType.READY, Reason.NOT_CREATED, sentence(message))

    def _progressing(self, progress: JobStatus, ready: Condition) -> Condition:
        obstacle = obstacle_condition(self.view, self.job)
        if obstacle is not None:
            return obstacle
        if progress.is_outcome:
            return condition(ConditionType.PROGRESSING, Reason.FINISHED, ready.message)
        if self._is_running() and not self._is_between_two_tries():
            return condition(ConditionType.PROGRESSING, Reason.RUNNING, "The job's command is running.")
        is_there = self.cluster is not None and self.runner is not None
        return condition(ConditionType.PROGRESSING, Reason.STARTING if is_there else Reason.CREATING, ready.message)

    def _outcome(self, progress: JobStatus) -> tuple[Condition, Condition]:
        if progress is JobStatus.SUCCESSFUL:
            return _outcome(Reason.SUCCEEDED, "The job's command succeeded.")
        if progress is JobStatus.FAILED:
            never = messages_with(self.view.findings_of(self.job), Reason.NAME_TOO_LONG)
            reason = Reason.NAME_TOO_LONG if never else Reason.RUNNER_FAILED
            return _outcome(reason, self._why_failed(never))
        return _outcome(Reason.NOT_FINISHED, "The job has not ended yet.")

    def _why_failed(self, never: Sequence[str]) -> str:
        """How the runner ended, or why there never was one; kept when the Pod is gone."""
        known = find_condition(self.job.status.conditions, ConditionType.FAILED)
        if known is not None and known.status == "True":
            return known.message
        if never:
            return " ".join(never)
        if self.runner is None or end_of(self.runner) is not End.FAILED:
            return "The job's command failed."
        return sentence(f"The runner Pod {self.runner.metadata.name} {explain_end(self.runner)}")


def _outcome(reason: Reason, message: str) -> tuple[Condition, Condition]:
    """The conditions `Complete` and `Failed`."""
    return condition(ConditionType.COMPLETE, reason, message), condition(ConditionType.FAILED, reason, message)
