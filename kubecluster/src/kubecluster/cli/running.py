"""A DaskJob from when it is made to its end: what is seen meanwhile, and its exit code.

starting ──► running ──► ended
    ▲           │
    └───────────┘  its Pod was lost with its node, say: it runs again
"""

import time
from collections.abc import Callable, Iterator, Sequence

from kubecluster.api import Body
from kubecluster.cli.following import has_begun
from kubecluster.cli.job import RUNNER, Job, exit_code, outcome
from kubecluster.cli.steps import Step, account_of, next_step
from kubecluster.diagnosis.sight import name_of, text
from kubecluster.errors import ClusterGone, ClusterNotFound, NotReady
from kubecluster.progress import Progress
from kubecluster.resource import now
from kubecluster.waiting import Patience

LOOK_SECONDS = 0.5
END_SECONDS = 60.0
"""How long after its log's end it may take until the job's outcome is known."""
UNKNOWN = 1
"""The exit code of a job of which nobody knows any."""


class Run:
    """One job's run.

    Args:
        job: The job.
        trouble_seconds: How long trouble may last that may pass.
        whole_seconds: How long it may take until it runs.
    """

    def __init__(self, job: Job, trouble_seconds: float, whole_seconds: float) -> None:
        self._job = job
        self._trouble_seconds = trouble_seconds
        self._whole_seconds = whole_seconds
        self._first = now()
        self._done: set[str] = set()  # Pods whose log was followed to its end

    def lines(self, progress: Callable[[], Progress]) -> Iterator[str]:
        """What the script writes, as it comes, until the job has ended.

        Args:
            progress: Where to show how it starts.

        Raises:
            NotReady: it does not run.
            ClusterGone: it was deleted.
        """
        while not self._has_ended():
            with progress() as shown:
                pod = self._started(shown)
            if pod is None:
                return
            yield from self._job.kubernetes.follow_log(self._job.namespace, name_of(pod), container=RUNNER)
            self._done.add(text(pod, "metadata", "uid"))

    def exit_code(self) -> int:
        """With what the script has ended, once the job has.

        Raises:
            ClusterGone: it was deleted.
        """
        body = self._read()
        codes = [exit_code(pod) for pod in self._job.runners()]
        known = [code for code in codes if code is not None]
        if outcome(body) == "Successful":
            return 0
        return next((code for code in reversed(known) if code), UNKNOWN)

    def _has_ended(self) -> bool:
        """Whether there is nothing more to follow; waits for what becomes of a Pod that was followed to its end."""
        patience = Patience(END_SECONDS, END_SECONDS)
        while not outcome(self._read()):
            runners = {text(pod, "metadata", "uid") for pod in self._job.runners()}
            if not runners or runners - self._done:
                return False
            if patience.is_over(time.monotonic(), passes=True):
                return True
            time.sleep(LOOK_SECONDS)
        return not self._fresh(self._job.runners())

    def _fresh(self, runners: Sequence[Body]) -> list[Body]:
        """The Pods that were not followed yet."""
        return [pod for pod in runners if text(pod, "metadata", "uid") not in self._done]

    def _started(self, progress: Progress) -> Body | None:
        """The Pod that runs the script, or has run it; `None` if the job has ended without another.

        Raises:
            NotReady: there will be none, or not in time.
        """
        patience = Patience(self._trouble_seconds, self._whole_seconds)
        while True:
            body = self._read()
            fresh = self._fresh(self._job.runners())
            begun = [pod for pod in fresh if has_begun(pod, RUNNER)]
            if begun or outcome(body):
                return begun[-1] if begun else None
            step = next_step(self._job, body, fresh[-1] if fresh else None, self._first)
            progress.show(step.shown)
            if patience.is_over(time.monotonic(), passes=step.cause.passes, is_final=step.cause.is_final):
                raise self._failure(step)
            time.sleep(LOOK_SECONDS)

    def _read(self) -> Body:
        try:
            return self._job.read()
        except ClusterNotFound:
            raise ClusterGone(f"The DaskJob {self._job} was deleted.") from None

    def _failure(self, step: Step) -> NotReady:
        """The error that a step becomes, with what Kubernetes and the container said last."""
        waited = (now() - self._first).total_seconds()
        hope = ", and waiting longer is of no use" if step.cause.is_final else ""
        words = f"The DaskJob {self._job} does not run after {waited:.0f} s{hope}. {step.sentence}"
        return step.cause.failure(account_of(self._job, step, words, step.cause.remedy))
