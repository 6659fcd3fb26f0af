"""The metrics for Prometheus: of passes, of requests, and of the last snapshot.

Counters and histograms have labels of few values only. Metrics of single clusters are collected from what was
last known of each (metrics_memory), so that they end with the cluster.
"""

import platform
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from prometheus_client import CollectorRegistry, Info

from reconciler import __version__
from reconciler.api import Exchange
from reconciler.daemon import dask_metrics
from reconciler.daemon.dask_metrics import DaskMetrics
from reconciler.daemon.metric_family import SECONDS, Collected, Family, counters, gauge, histograms
from reconciler.daemon.metrics_memory import ByTree, Count, World
from reconciler.passes.values import PassResult, Response, Result, Verb
from reconciler.rules.reason_sets import REASONS_OF_FINDINGS
from reconciler.rules.reasons import Reason

BYTES = tuple(4.0**power * 1024 for power in range(9))
"""From 1 KiB to 64 MiB."""

_REASONS = """
AlreadyExists BadRequest Conflict Expired Forbidden Gone InternalError Invalid MethodNotAllowed NotAcceptable NotFound
RequestEntityTooLarge ServerTimeout ServiceUnavailable Timeout TooManyRequests Unauthorized UnsupportedMediaType
"""
STATUS_REASONS = frozenset(_REASONS.split())
"""The reasons that Kubernetes itself gives; an admission webhook may give any text, which makes no good label."""


BUILD = Family("build_info", "info", "The version that runs.", ("version", "python_version"))
PASSES = Family(
    "passes_total",
    "counter",
    "Passes: done, failed (a write failed, or a bug was caught), unread (a list failed), or crashed (by a bug).",
    ("result",),
)
ROUNDS = Family("rounds_total", "counter", "Rounds of planning and writing, of the tree that took most in each pass.")
STAGES = Family("stage_duration_seconds", "histogram", "How long a stage took in one pass.", ("stage",), SECONDS)
PLANNED = Family("planned_actions_total", "counter", "Actions planned.", ("kind", "action"))
APPLIED = Family(
    "applied_actions_total", "counter", "Actions tried, or skipped after one failed.", ("kind", "action", "result")
)
POSTPONED = Family("postponed_actions", "gauge", "Actions that a policy postponed in the last pass.", ("action",))
REFUSED = Family(
    "refused_writes_total",
    "counter",
    "Writes that Kubernetes refused for a resource that it had accepted; Other stands for a webhook's own reason.",
    ("kind", "reason"),
)
CONFLICTS = Family("write_conflicts_total", "counter", "Writes whose object had changed since it was read.", ("kind",))
ATTEMPT = Family(
    "last_attempt_timestamp_seconds", "gauge", "When the last pass returned, whatever it brought, as a Unix time."
)
SUCCESS = Family(
    "last_success_timestamp_seconds",
    "gauge",
    "When the last pass over everything returned that read all and got an answer to every write, as a Unix time.",
)
FINDINGS = Family(
    "findings", "gauge", "Findings of the last pass, each in a condition of a resource, by reason.", ("reason",)
)
REQUESTS = Family(
    "api_requests_total",
    "counter",
    "Requests to the Kubernetes API; without an answer the code is the error's class.",
    ("verb", "resource", "code"),
)
REQUEST_SECONDS = Family(
    "api_request_duration_seconds",
    "histogram",
    "How long a request to the Kubernetes API took.",
    ("verb", "resource"),
    SECONDS,
)
LIST_BYTES = Family(
    "list_size_bytes", "histogram", "The size of a list as it came over the wire.", ("resource",), BYTES
)
LISTED = Family("observed_objects", "gauge", "Objects in the last snapshot.", ("kind",))
UNREADABLE = Family(
    "unreadable_objects",
    "gauge",
    "Objects in the last snapshot that cannot be read; nothing of theirs is touched.",
    ("kind",),
)
RESOURCES = Family(
    "resources",
    "gauge",
    "Clusters, jobs and Pods in the last snapshot by phase; a job's is its jobStatus.",
    ("kind", "phase"),
)
WORKERS_WANTED = Family(
    "workers_wanted", "gauge", "Workers that all groups of a cluster want.", ("namespace", "cluster")
)
WORKERS_READY = Family(
    "workers_ready", "gauge", "Workers of all groups of a cluster that are ready.", ("namespace", "cluster")
)
WORKERS_JOINED = Family(
    "workers_joined",
    "gauge",
    "Workers of all groups of a cluster that are ready and that its scheduler has, where it answers.",
    ("namespace", "cluster"),
)
WORKERS_RETIRING = Family(
    "workers_retiring",
    "gauge",
    "Workers of all groups of a cluster that were chosen to go and are not deleted yet.",
    ("namespace", "cluster"),
)
ANSWERED = Family(
    "scheduler_last_answer_timestamp_seconds",
    "gauge",
    "When a cluster's scheduler was asked what it last answered, as a Unix time.",
    ("namespace", "cluster"),
)

FAMILIES = (
    *(BUILD, PASSES, ROUNDS, STAGES, ATTEMPT, SUCCESS),
    *(PLANNED, APPLIED, POSTPONED, REFUSED, CONFLICTS, FINDINGS),
    *(REQUESTS, REQUEST_SECONDS, LIST_BYTES),
    *(LISTED, UNREADABLE, RESOURCES, WORKERS_WANTED, WORKERS_READY, WORKERS_JOINED, WORKERS_RETIRING, ANSWERED),
    *dask_metrics.FAMILIES,
)
"""Every metric of ours; docs/metrics.md is made from it."""


_OF_WORLD = {
    LISTED: Count.OBJECTS,
    UNREADABLE: Count.UNREADABLE,
    RESOURCES: Count.PHASES,
    WORKERS_WANTED: Count.WANTED,
    WORKERS_READY: Count.READY,
    WORKERS_JOINED: Count.JOINED,
    WORKERS_RETIRING: Count.RETIRING,
    ANSWERED: Count.ANSWERED,
}
"""What the last passes saw, counted whenever Prometheus asks; without samples before the first pass."""


class Metrics:
    """Counts passes and requests in a registry, and has it collect what is there.

    Args:
        registry: Where the metrics are registered.
        clock: What time it is.
        rehearsed: Whether passes are dry runs, whose actions are planned but not applied.
        owner_label: The label of clusters and jobs that says who pays.
        seconds: A count of seconds that nobody sets.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        clock: Callable[[], datetime],
        *,
        rehearsed: bool = False,
        owner_label: str = "",
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rehearsed = rehearsed
        Info("dask_reconciler_build", BUILD.help, registry=registry).info(
            {"version": __version__, "python_version": platform.python_version()}
        )
        own = [each for each in FAMILIES if each not in dask_metrics.FAMILIES]
        self._counters, self._histograms = counters(own, registry), histograms(own, registry)
        self._gauges = {each: gauge(each, registry) for each in (POSTPONED, ATTEMPT, SUCCESS, FINDINGS)}
        self._dask = DaskMetrics(registry, seconds, owner_label)
        self.called = self._dask.called
        self._world = World()
        self._findings = ByTree[Reason]()
        self._postponed = ByTree[Verb]()
        registry.register(Collected(_OF_WORLD, self._world.count))
        for result in ("done", "failed", "unread", "crashed"):
            self._counters[PASSES].labels(result)

    def __call__(self, result: PassResult) -> None:
        """Count a pass."""
        now = self._clock().timestamp()
        self._gauges[ATTEMPT].set(now)
        outcome = "unread" if result.errors else "failed" if result.failures or result.bugs else "done"
        self._counters[PASSES].labels(outcome).inc()
        self._counters[ROUNDS].inc(result.rounds)
        for stage, seconds in result.seconds.items():
            self._histograms[STAGES].labels(stage).observe(seconds)
        is_answered = all(failure.result in (Result.CONFLICT, Result.REFUSED) for failure in result.failures)
        if is_answered and not result.errors and not result.bugs and result.coverage.trees is None:
            self._gauges[SUCCESS].set(now)
        self._world.update(result)
        self._count_plan(result)
        for response in () if self._rehearsed else (*result.responses, *result.reports):
            self._count_response(response)
        self._dask.update(result, rehearsed=self._rehearsed)

    def exchange(self, exchange: Exchange) -> None:
        """Count a request to the API."""
        verb, resource = exchange.verb, exchange.resource
        self._counters[REQUESTS].labels(verb, resource, exchange.code).inc()
        self._histograms[REQUEST_SECONDS].labels(verb, resource).observe(exchange.seconds)
        if verb == "LIST" and exchange.bytes_received:
            self._histograms[LIST_BYTES].labels(resource).observe(exchange.bytes_received)

    def crashed(self) -> None:
        """Count a pass that a bug has ended."""
        self._counters[PASSES].labels("crashed").inc()

    def _count_plan(self, result: PassResult) -> None:
        plan = result.plan
        for action in plan.actions:
            self._counters[PLANNED].labels(action.key.kind.name, action.verb).inc()
        self._postponed.update(
            result, {(action.verb, action.key): (action.tree, action.verb) for action in plan.postponed}
        )
        postponed = Counter(self._postponed.values())
        self._gauges[POSTPONED].clear()
        for verb, count in postponed.items():
            self._gauges[POSTPONED].labels(verb).set(count)
        trees = result.trees
        self._findings.update(
            result, {finding: (trees.get(finding.about, finding.about), finding.reason) for finding in plan.findings}
        )
        findings = Counter(self._findings.values())
        for reason in REASONS_OF_FINDINGS:
            self._gauges[FINDINGS].labels(reason).set(findings[reason])

    def _count_response(self, response: Response) -> None:
        kind = response.action.key.kind.name
        self._counters[APPLIED].labels(kind, response.action.verb, response.result).inc()
        if response.result is Result.REFUSED:
            reason = response.reason if response.reason in STATUS_REASONS else "Other"
            self._counters[REFUSED].labels(kind, reason).inc()
        if response.result is Result.CONFLICT:
            self._counters[CONFLICTS].labels(kind).inc()
