import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest

from reconciler.api import Exchange
from reconciler.cli.doc_pages import metrics_page
from reconciler.daemon.metrics import FAMILIES, STATUS_REASONS, Metrics
from reconciler.dask.connection import Call
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import PassResult, Response, Result
from reconciler.rules.reasons import Reason
from tests.builders import NOON, cluster, default_group, worker
from tests.unit.daemon.daskresults import of_dask
from tests.unit.daemon.passresults import (
    counted,
    create,
    delete,
    finding,
    passed,
    refused,
    unread,
    unreadable,
    update,
    value,
)

ROOT = Path(__file__).parents[3]
PREFIX = "dask_reconciler_"
EXCHANGES = (
    Exchange("LIST", "pods", "200", 0.3, 5000),
    Exchange("CREATE", "pods", "403", 0.01, 200),
    Exchange("PATCH", "daskclusters/status", "<Unreachable>", 5.0, 0),
)
CLUSTER = cluster("small", replicas=2, status={"phase": "Running"})
GROUP = default_group(CLUSTER)
PENDING = cluster("big", namespace="ml", status={"phase": "Pending"})


def everything() -> CollectorRegistry:
    """A registry in which each family has a sample."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    metrics = Metrics(registry, lambda: NOON)
    for exchange in EXCHANGES:
        metrics.exchange(exchange)
    bad = create("bad")
    conflicting = Response(update(), Result.CONFLICT)
    metrics(
        passed(
            create(),
            update(),
            bad,
            postponed=[delete()],
            findings=[finding()],
            responses=[Response(create(), Result.DONE), conflicting, refused(bad)],
            objects=[CLUSTER, GROUP, worker(GROUP, CLUSTER)],
            unreadable=[unreadable()],
        )
    )
    metrics.called(Call("identity", "ok", 0.01))
    metrics(of_dask())
    return registry


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (passed(create()), "done"),
        (passed(create(), responses=[refused(create())]), "failed"),
        (passed(findings=[finding(Reason.INTERNAL_ERROR)]), "failed"),
        (unread(), "unread"),
    ],
)
def test_passes_are_counted_by_what_came_of_them(result: PassResult, outcome: str) -> None:
    """A pass is done, or had failed writes, or could not read the world."""
    registry = counted(result)
    counts = {each: value(registry, "passes_total", result=each) for each in ("done", "failed", "unread")}
    assert counts == {"done": 0.0, "failed": 0.0, "unread": 0.0} | {outcome: 1.0}


@pytest.mark.parametrize(
    ("result", "is_success"),
    [
        (passed(), True),
        (passed(create(), responses=[refused(create())]), True),
        (passed(create(), responses=[Response(create(), Result.CONFLICT)]), True),
        (passed(create(), responses=[Response(create(), Result.UNAVAILABLE)]), False),
        (passed(create(), responses=[Response(create(), Result.UNKNOWN)]), False),
        (passed(findings=[finding(Reason.INTERNAL_ERROR)]), False),
        (unread(), False),
        (replace(passed(), coverage=Coverage(trees=frozenset({CLUSTER.key}))), False),
    ],
)
def test_a_users_mistake_does_not_make_the_reconciler_fail(result: PassResult, is_success: bool) -> None:  # noqa: FBT001 - a table's column
    """A pass over everything succeeds if it read all and got an answer to all, even if the answer was no."""
    registry = counted(result)
    assert value(registry, "last_attempt_timestamp_seconds") == NOON.timestamp()
    assert value(registry, "last_success_timestamp_seconds") == (NOON.timestamp() if is_success else 0.0)


def test_a_pass_that_a_bug_has_ended_is_counted() -> None:
    """It has no result to tell of it, and is an attempt all the same."""
    registry = CollectorRegistry()
    Metrics(registry, lambda: NOON).crashed()
    assert value(registry, "passes_total", result="crashed") == 1.0


def test_stages_are_timed() -> None:
    """Each stage's time in a pass is in its histogram."""
    registry = counted(passed(), passed())
    assert value(registry, "stage_duration_seconds_count", stage="observe") == 2.0
    assert value(registry, "stage_duration_seconds_sum", stage="apply") == 1.0


def test_actions_are_counted_as_planned_and_as_applied() -> None:
    """What was planned counts by kind and action, what was tried also by result, and what is postponed is a gauge."""
    done, bad = create(), create("bad")
    answers = [Response(done, Result.DONE), refused(bad), Response(update(), Result.SKIPPED)]
    registry = counted(passed(done, bad, update(), postponed=[delete("a"), delete("b")], responses=answers))
    assert value(registry, "planned_actions_total", kind="Pod", action="create") == 2.0
    assert value(registry, "applied_actions_total", kind="Pod", action="create", result="done") == 1.0
    assert value(registry, "applied_actions_total", kind="Pod", action="create", result="refused") == 1.0
    assert value(registry, "applied_actions_total", kind="DaskWorkerGroup", action="update", result="skipped") == 1.0
    assert value(registry, "postponed_actions", action="delete") == 2.0


def test_a_dry_run_applies_nothing() -> None:
    """What is only rehearsed is planned, and not counted as applied or refused."""
    registry = counted(passed(create(), responses=[refused(create())]), rehearsed=True)
    assert value(registry, "planned_actions_total", kind="Pod", action="create") == 1.0
    assert value(registry, "applied_actions_total", kind="Pod", action="create", result="refused") is None
    assert value(registry, "refused_writes_total", kind="Pod", reason="Forbidden") is None


@pytest.mark.parametrize(
    ("reason", "label"), [("Forbidden", "Forbidden"), ("Invalid", "Invalid"), ("the webhook's own words", "Other")]
)
def test_what_kubernetes_refuses_is_counted_by_a_known_reason(reason: str, label: str) -> None:
    """A webhook may give any reason; it does not become a label."""
    registry = counted(passed(create(), responses=[refused(create(), reason)]))
    assert value(registry, "refused_writes_total", kind="Pod", reason=label) == 1.0


def test_conflicts_are_counted() -> None:
    """How often somebody else was faster can be seen."""
    registry = counted(passed(update(), responses=[Response(update(), Result.CONFLICT)]))
    assert value(registry, "write_conflicts_total", kind="DaskWorkerGroup") == 1.0


def test_requests_are_counted_by_verb_resource_and_code() -> None:
    """Requests without an answer count too, by the class of their error; lists also by size."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, lambda: NOON)
    for exchange in EXCHANGES:
        metrics.exchange(exchange)
    assert value(registry, "api_requests_total", verb="CREATE", resource="pods", code="403") == 1.0
    assert (
        value(registry, "api_requests_total", verb="PATCH", resource="daskclusters/status", code="<Unreachable>") == 1.0
    )
    assert value(registry, "api_request_duration_seconds_sum", verb="LIST", resource="pods") == 0.3
    assert value(registry, "list_size_bytes_sum", resource="pods") == 5000.0
    assert value(registry, "list_size_bytes_count", resource="daskclusters/status") is None


def test_the_world_is_counted_by_kind_and_phase() -> None:
    """Resources count by the phase that their last status says."""
    registry = counted(passed(objects=[CLUSTER, PENDING, worker(GROUP, CLUSTER)], unreadable=[unreadable()]))
    assert value(registry, "resources", kind="DaskCluster", phase="Running") == 1.0
    assert value(registry, "resources", kind="DaskCluster", phase="Pending") == 1.0
    assert value(registry, "resources", kind="Pod", phase="Running") == 1.0
    assert value(registry, "observed_objects", kind="DaskCluster") == 2.0
    assert value(registry, "unreadable_objects", kind="DaskCluster") == 1.0


def test_workers_are_counted_by_cluster() -> None:
    """Wanted are those of all groups, ready are the Pods that are."""
    group = default_group(CLUSTER, replicas=3)
    pods = (worker(group, CLUSTER, 1), worker(group, CLUSTER, 2, ready=False))
    registry = counted(passed(objects=[CLUSTER, group, *pods]))
    assert value(registry, "workers_wanted", namespace="default", cluster="small") == 3.0
    assert value(registry, "workers_ready", namespace="default", cluster="small") == 1.0


def test_a_cluster_that_is_gone_is_gone_from_the_metrics() -> None:
    """Nothing of a cluster stays behind, and what is no longer found or postponed goes back to nothing."""
    registry = counted(passed(postponed=[delete()], findings=[finding()], objects=[CLUSTER, GROUP]), passed())
    assert value(registry, "workers_wanted", namespace="default", cluster="small") is None
    assert value(registry, "resources", kind="DaskCluster", phase="Running") is None
    assert value(registry, "findings", reason=Reason.NAME_CONFLICT) == 0.0
    assert value(registry, "postponed_actions", action="delete") is None


def test_a_failed_list_leaves_the_last_picture() -> None:
    """While the world cannot be read, what was last seen of it stays."""
    registry = counted(passed(objects=[CLUSTER, GROUP]), unread())
    assert value(registry, "workers_wanted", namespace="default", cluster="small") == 2.0


def test_of_a_tree_that_a_pass_left_to_another_that_ones_count_stands() -> None:
    """It has looked later."""
    small = replace(
        passed(objects=[CLUSTER, default_group(CLUSTER, replicas=5)]), coverage=Coverage(trees=frozenset({CLUSTER.key}))
    )
    full = replace(passed(objects=[CLUSTER, default_group(CLUSTER, replicas=2)]), left_out=frozenset({CLUSTER.key}))
    assert value(counted(small, full), "workers_wanted", namespace="default", cluster="small") == 5.0


def test_every_family_is_in_the_table_and_has_its_labels() -> None:
    """What is exposed is what docs/metrics.md lists, with the labels that it lists."""
    exposed: dict[str, set[str]] = {}
    for metric in everything().collect():
        for sample in metric.samples:
            if sample.name.startswith(PREFIX) and not sample.name.endswith("_created"):
                name = sample.name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
                exposed.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    assert exposed == {family.full_name: set(family.labels) for family in FAMILIES}


def test_few_values_make_good_labels() -> None:
    """No counter or histogram that stays has a label that grows with the number of clusters."""
    growing = {"namespace", "cluster", "name", "pod", "key", "uid", "message"}
    lasting = [family for family in FAMILIES if family.type != "gauge" and not family.ends_with_its_cluster]
    assert [family.name for family in lasting if growing & set(family.labels)] == []
    assert all(reason.isalpha() for reason in STATUS_REASONS)


def test_promtool_has_nothing_to_say() -> None:
    """Names, units and types follow Prometheus' conventions."""
    promtool = subprocess.run([ROOT / "scripts" / "promtool"], capture_output=True, text=True, check=False)
    assert promtool.returncode == 0, promtool.stderr
    check = [promtool.stdout.strip(), "check", "metrics"]
    done = subprocess.run(check, input=generate_latest(everything()), capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_the_metrics_page_is_up_to_date() -> None:
    """docs/metrics.md is what the table says; `make crds` writes it anew."""
    assert (ROOT / "docs" / "metrics.md").read_text() == metrics_page()
