"""Writes the pages of settings, metrics and conditions in docs/: `python -m reconciler.cli.doc_pages`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import fill

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, Kind
from reconciler.cli.options import GROUPS, Option, option
from reconciler.daemon.metric_family import Family
from reconciler.daemon.metrics import FAMILIES
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.reason_facts import ALL, AUTOSCALER, BUILT, CLUSTER, JOB, ConditionType, Status, Use
from reconciler.rules.reason_sets import UNBUILDABLE
from reconciler.rules.reasons import Reason

DOCS = Path(__file__).parents[2] / "docs"

SETTINGS = """\
# Settings

Every setting is a flag of `dask-reconciler` and an environment variable. A flag wins over the environment, the
environment over the default. Wrong values end the process at once with exit code 2 and say what is wrong; an unknown
variable that begins with `DASK_RECONCILER_` is warned about.

Durations are seconds, or a number with `ms`, `s`, `m` or `h`, such as `500ms` or `2m`. Switches are turned on by the
flag alone, or by `true`, and off by `=false`.

This page is generated from `reconciler/daemon/settings.py`; `make crds` writes it anew.
"""

METRICS = """\
# Metrics

`/metrics` serves them, in the formats of Prometheus and OpenMetrics, on the port of `--port`. Beside these there are
`process_*` and `python_*`, as from any Python program.

Counters and histograms have labels of few values only: kinds, actions, results, reasons of Kubernetes. Metrics of
single clusters are taken from what was last seen, so that they end with the cluster; what it has used is told for ten
minutes more. A dry run counts what it plans and applies nothing.

This page is generated from `reconciler/daemon/metrics.py` and `dask_metrics.py`; `make crds` writes it anew.
"""

ALERTS = """\
## What to watch

- `time() - dask_reconciler_last_success_timestamp_seconds > 300`: the reconciler cannot read everything, or gets no
  answer to what it writes; its log says why.
- `sum by (kind, reason) (increase(dask_reconciler_refused_writes_total[15m])) > 0`: Kubernetes accepted a resource and
  now refuses what it asks for: a quota, a webhook, a Pod that cannot be. The resource's conditions say which.
- `dask_reconciler_unreadable_objects > 0`: something is there that the reconciler cannot read, and leaves alone.
- `dask_reconciler_findings{reason="DeletionCap"} > 0`: deletions are postponed; if they are meant, raise
  `--deletion-cap`.
- `dask_reconciler_workers_wanted - dask_reconciler_workers_ready > 0` for long: a cluster does not get its workers.
- `dask_reconciler_workers_ready - dask_reconciler_workers_joined > 0` for long: workers run that do not find their
  scheduler; the cluster's `Ready` says where they look.
- `time() - dask_reconciler_scheduler_last_answer_timestamp_seconds > 600`: a scheduler hangs, or cannot be reached from
  the reconciler. One of which nothing is awaited is asked every two minutes.
- `increase(dask_reconciler_retirements_total{outcome="given_up"}[1h]) > 0`: workers were deleted at their deadline,
  with what they held and ran; raise `spec.worker.retirementDeadlineSeconds`.

A request `retire_workers` is `silent` where workers take longer than 2 s to hand over what they hold: the scheduler
goes on, and is asked again.

## A bill

    sum by (namespace, owner, resource) (increase(dask_reconciler_gpu_seconds_total[30d])) / 3600

are the GPU hours of a month, and with `gpu_idle_seconds_total` those of workers that did nothing. `owner` is the value
of the label that `--owner-label` names, on the cluster or its job. `resource` is `nvidia.com/gpu`,
`nvidia.com/gpu.shared`, `nvidia.com/mig-…`, `amd.com/gpu`, `gpu.intel.com/i915` or `gpu.intel.com/xe`, as containers
ask for it in their limits; of init containers and of resource claims nothing is counted.

- From one pass to the next, what the earlier one saw counts: of a Pod that lives shorter than that, perhaps nothing.
- Totals are kept in memory. What is used while the reconciler does not run is not counted, nor what was used since
  Prometheus last asked one that ends.
- Workers are idle if their scheduler said so within the last five minutes: they run nothing and hold no result. It is
  asked every two minutes, so that shorter breaks may not be seen. Nothing is called idle where schedulers are not
  asked, or are of releases before 2022.12, which do not say what their workers hold.
"""

CONDITIONS = """\
# Conditions and Events

`kubectl describe` shows them, and `kubectl wait --for=condition=Ready daskcluster/simple` waits for one. Every
condition is there from the first time a resource is seen, and says in its message what was seen. `Ready` sums up the
others. A cluster's `Ready` shows what troubles its worker groups, and a job's what troubles its cluster.

A cluster's `phase` is coarser, for old clients. `Running` means that the scheduler Pod and the Services exist, and says
nothing about health. `Error` means that nothing can be built before the resource is edited: {unbuildable}.

This page is generated from `reconciler/rules/reasons.py`; `make crds` writes it anew.
"""

SECTIONS: Mapping[tuple[ConditionType, ...], tuple[tuple[Kind, ...], str]] = {
    (ConditionType.READY,): (ALL, ""),
    (ConditionType.SCHEDULER_READY, ConditionType.WORKERS_READY): (CLUSTER, ""),
    (ConditionType.PROGRESSING,): (BUILT, "True while something is being done or waited for."),
    (ConditionType.ACCEPTED,): (
        BUILT,
        (
            "Whether the API server takes the Pods, Services and child resources made from the resource. What was "
            "learned stays until the resource is edited or a later write succeeds. Where it is false, reason and "
            "message are the API server's own, such as `Invalid` or `Forbidden`, which is often a quota: correct the "
            "template, or raise the quota."
        ),
    ),
    (ConditionType.IDLE,): (
        CLUSTER,
        (
            "Whether the scheduler has nothing to do, and when that ends the cluster: see "
            "[dask](dask.md#idle-and-an-end). Clusters with `spec.idleTimeout` have it, unless they belong to a job."
        ),
    ),
    (ConditionType.ABLE_TO_SCALE, ConditionType.SCALING_ACTIVE, ConditionType.SCALING_LIMITED): (
        AUTOSCALER,
        "As those of a HorizontalPodAutoscaler: [autoscaling](autoscaling.md) says by what the number of workers goes.",
    ),
    (ConditionType.COMPLETE, ConditionType.FAILED, ConditionType.RUNNER_UP_TO_DATE): (
        JOB,
        (
            "`kubectl wait --for=condition=Complete` waits for a job to end well. How the runner's main container "
            "ended decides, even if a sidecar runs on: [architecture](architecture.md#how-a-pod-ended) says which "
            "container that is."
        ),
    ),
}
"""The kinds that have these conditions, and what is said before the table of their reasons."""

STATUSES: Sequence[Status] = ("True", "False", "Unknown")
WIDTH = 120
KINDS = {DASK_CLUSTER: "clusters", DASK_WORKER_GROUP: "groups", DASK_JOB: "jobs", DASK_AUTOSCALER: "autoscalers"}

EVENTS = """\
## Events

A change makes one Event; what stays as it is makes none.
"""


def settings_page() -> str:
    """The page of settings."""
    tables = [_settings_table(title, [option(field) for field in fields]) for title, fields in GROUPS.items()]
    return "\n".join([SETTINGS, *tables])


def metrics_page() -> str:
    """The page of metrics."""
    return "\n".join([METRICS, _metrics_table(FAMILIES), ALERTS])


def conditions_page() -> str:
    """The page of conditions and Events."""
    unbuildable = " or ".join(f"`{reason}`" for reason in UNBUILDABLE)
    sections = [_conditions_section(types) for types in SECTIONS]
    return "\n".join([CONDITIONS.format(unbuildable=unbuildable), *sections, EVENTS, _events_table()])


def main() -> None:
    """Write the pages."""
    DOCS.mkdir(exist_ok=True)
    (DOCS / "conditions.md").write_text(conditions_page())
    (DOCS / "settings.md").write_text(settings_page())
    (DOCS / "metrics.md").write_text(metrics_page())


def _settings_table(title: str, settings: Iterable[Option]) -> str:
    rows = [
        (
            f"`{each.flag}{f' {each.placeholder}' if each.placeholder else ''}`",
            f"`{each.variable}`",
            f"`{each.default}`" if each.default else "",
            each.description,
        )
        for each in settings
    ]
    return f"## {title}\n\n{_table(('Flag', 'Environment variable', 'Default', 'What it does'), rows)}"


def _metrics_table(families: Iterable[Family]) -> str:
    rows = [(f"`{f.full_name}`", f.type, ", ".join(f"`{label}`" for label in f.labels), f.help) for f in families]
    return _table(("Metric", "Type", "Labels", "What it says"), rows)


def _conditions_section(types: tuple[ConditionType, ...]) -> str:
    """The table of the reasons whose first condition is one of these, and the names of the others."""
    kinds, prose = SECTIONS[types]
    uses = [(reason, use) for reason in Reason for use in reason.uses if set(use.types) & set(types)]
    uses.sort(key=lambda pair: STATUSES.index(pair[1].status))
    rows = [_condition_row(reason, use, types) for reason, use in uses if use.types[0] in types]
    header = ("Condition", "Status", "Reason", "On", "Meaning", "What to do")
    shown = [column for column in range(len(header)) if any(row[column] for row in rows)]
    elsewhere = [f"`{reason}`" for reason, use in uses if use.types[0] not in types]
    also = f"{_listed(elsewhere)} mean the same as under `Ready`." if elsewhere else ""
    parts = [
        f"## {_listed(types)}",
        fill(f"On {_kinds(kinds)}. {prose}", WIDTH),
        _table([header[column] for column in shown], [[row[column] for column in shown] for row in rows]).rstrip(),
        fill(also, WIDTH),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _condition_row(reason: Reason, use: Use, types: tuple[ConditionType, ...]) -> Sequence[str]:
    """One use; what holds for the whole table is left out."""
    conditions = ", ".join(f"`{type_}`" for type_ in use.types if type_ in types) if len(types) > 1 else ""
    kinds = [kind for kind in SECTIONS[types][0] if kind in use.kinds]
    on = "" if len(kinds) == len(SECTIONS[types][0]) else _kinds(kinds)
    return conditions, use.status, f"`{reason}`", on, use.meaning, use.remedy


def _kinds(kinds: Iterable[Kind]) -> str:
    """The kinds in words, such as `clusters, groups and jobs`."""
    wanted = set(kinds)
    return _listed([words for kind, words in KINDS.items() if kind in wanted])


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _events_table() -> str:
    made = [
        *((use.kinds, use.event, str(reason), use.meaning) for reason in Reason for use in reason.uses if use.event),
        *((reason.kinds, reason.type, str(reason), reason.meaning) for reason in EventReason),
    ]
    rows = [(f"`{reason}`", str(type_), _kinds(kinds), meaning) for kinds, type_, reason, meaning in made]
    return _table(("Reason", "Type", "On", "Meaning"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
