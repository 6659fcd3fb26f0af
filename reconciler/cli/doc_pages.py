"""Writes docs/settings.md and docs/metrics.md from the code: `python -m reconciler.cli.doc_pages`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from reconciler.cli.options import GROUPS, Option, option
from reconciler.daemon.metrics import FAMILIES, Family

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

Counters and histograms have labels of few values only: kinds, actions, results, reasons of Kubernetes. What is told
of single clusters is taken from the last snapshot, so that it ends with the cluster. A dry run counts what it plans
and applies nothing.

This page is generated from `reconciler/daemon/metrics.py`; `make crds` writes it anew.
"""

ALERTS = """\
## What to watch

- `time() - dask_reconciler_last_success_timestamp_seconds > 300`: the reconciler cannot read everything, or gets no
  answer to what it writes; its log says why.
- `sum by (kind, reason) (increase(dask_reconciler_refused_writes_total[15m])) > 0`: Kubernetes accepted a resource and
  now refuses what it asks for: a quota, a webhook, a Pod that cannot be. The resource's conditions say which.
- `dask_reconciler_unreadable_objects > 0`: something is there that the reconciler cannot read, and leaves alone.
- `dask_reconciler_findings{topic="DeletionCap"} > 0`: deletions are held back; if they are meant, raise
  `--deletion-cap`.
- `dask_reconciler_workers_wanted - dask_reconciler_workers_ready > 0` for long: a cluster does not get its workers.
"""


def settings_page() -> str:
    """The page of settings."""
    tables = [_settings_table(title, [option(field) for field in fields]) for title, fields in GROUPS.items()]
    return "\n".join([SETTINGS, *tables])


def metrics_page() -> str:
    """The page of metrics."""
    return "\n".join([METRICS, _metrics_table(FAMILIES), ALERTS])


def main() -> None:
    """Write both pages."""
    DOCS.mkdir(exist_ok=True)
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


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
