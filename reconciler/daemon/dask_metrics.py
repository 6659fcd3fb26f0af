"""The metrics of Dask's side: what schedulers are asked, how workers retire, what clusters use."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from reconciler.daemon.metric_family import SECONDS, Collected, Family, counters, histograms
from reconciler.daemon.usage import Usage, Used
from reconciler.dask.connection import Call
from reconciler.passes.retirement_ends import End, Outcome, retirement_ends
from reconciler.passes.values import PassResult

_BILLED = ("namespace", "cluster", "job", "owner")
RETIRING_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

CALLS = Family(
    "scheduler_calls_total",
    "counter",
    "Requests to Dask schedulers, by the name of the scheduler's handler; connect is the connection and its handshake.",
    ("method", "result"),
)
CALL_SECONDS = Family(
    "scheduler_call_duration_seconds",
    "histogram",
    "How long a request to a Dask scheduler took.",
    ("method",),
    SECONDS,
)
RETIREMENTS = Family(
    "retirements_total",
    "counter",
    "Workers deleted after they were chosen to go: handed_over, last_ones (nobody was left to take what they held), "
    "given_up (at their deadline), not_joined (their scheduler did not have them) or not_asked (nobody could be).",
    ("outcome",),
)
RETIREMENT_SECONDS = Family(
    "retirement_duration_seconds",
    "histogram",
    "How long workers took to go that were asked to retire.",
    ("outcome",),
    RETIRING_SECONDS,
)
MOVED_BYTES = Family(
    "retirement_moved_bytes_total",
    "counter",
    "How much less workers held at their end, of what no other worker had, than when they were chosen to go: what they "
    "handed over, and what nobody needed any more.",
)
LOST_TASKS = Family("retirement_lost_tasks_total", "counter", "Tasks that ran on workers when these were deleted.")
LOST_RESULTS = Family(
    "retirement_lost_results_total", "counter", "Results that no other worker had than those that were deleted."
)
LOST_BYTES = Family("retirement_lost_bytes_total", "counter", "The size of the results that were lost so.")
GPU_SECONDS = Family(
    "gpu_seconds_total",
    "counter",
    "GPUs times seconds that Pods of a cluster, or of its job, kept, from when they had a node to their end.",
    (*_BILLED, "resource"),
)
IDLE_GPU_SECONDS = Family(
    "gpu_idle_seconds_total",
    "counter",
    "Those of them of workers that ran nothing and held nothing, as their scheduler said.",
    (*_BILLED, "resource"),
)
IDLE_SECONDS = Family(
    "cluster_idle_seconds_total",
    "counter",
    "Seconds in which a cluster had workers, and none of them ran or held anything, as their scheduler said.",
    _BILLED,
)

FAMILIES = (
    *(CALLS, CALL_SECONDS),
    *(RETIREMENTS, RETIREMENT_SECONDS, MOVED_BYTES, LOST_TASKS, LOST_RESULTS, LOST_BYTES),
    *(GPU_SECONDS, IDLE_GPU_SECONDS, IDLE_SECONDS),
)


_OF_USAGE = {GPU_SECONDS: Used.GPUS, IDLE_GPU_SECONDS: Used.IDLE_GPUS, IDLE_SECONDS: Used.IDLE}
"""What clusters that are there, or were until a moment ago, have used; summed up whenever Prometheus asks."""


class DaskMetrics:
    """Counts requests to schedulers, retirements, and what clusters use.

    Args:
        registry: Where the metrics are registered.
        seconds: A count of seconds that nobody sets.
        owner_label: The label of clusters and jobs that says who pays.
    """

    def __init__(self, registry: CollectorRegistry, seconds: Callable[[], float], owner_label: str) -> None:
        own = [each for each in FAMILIES if not each.ends_with_its_cluster]
        self._counters, self._histograms = counters(own, registry), histograms(own, registry)
        self._usage = Usage(seconds, owner_label)
        registry.register(Collected(_OF_USAGE, self._usage.total))
        for outcome in Outcome:
            self._counters[RETIREMENTS].labels(outcome)

    def called(self, call: Call) -> None:
        """Count a request to a scheduler."""
        self._counters[CALLS].labels(call.method, call.result).inc()
        self._histograms[CALL_SECONDS].labels(call.method).observe(call.seconds)

    def update(self, result: PassResult, *, rehearsed: bool) -> None:
        """Take in a pass.

        Args:
            result: The pass.
            rehearsed: Whether it was a dry run, in which no worker goes.
        """
        self._usage.update(result)
        if result.snapshot is not None and not rehearsed:
            for ends in retirement_ends(result.responses, result.snapshot).values():
                for end in ends:
                    self._count_retirement(end)

    def _count_retirement(self, end: End) -> None:
        self._counters[RETIREMENTS].labels(end.outcome).inc()
        if end.seconds is not None and end.outcome is not Outcome.NOT_ASKED:
            self._histograms[RETIREMENT_SECONDS].labels(end.outcome).observe(end.seconds)
        self._counters[MOVED_BYTES].inc(end.moved_bytes)
        self._counters[LOST_TASKS].inc(end.lost_tasks)
        self._counters[LOST_RESULTS].inc(end.lost_results)
        self._counters[LOST_BYTES].inc(end.lost_bytes)


__all__ = ["FAMILIES", "DaskMetrics"]
