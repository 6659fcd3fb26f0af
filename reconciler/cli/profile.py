"""What a pass cost, stage by stage: `--once --profile`."""

import resource
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from reconciler.passes.cost import Cost

_KIBIBYTE = 1024
_COLUMNS = ("stage", "seconds", "CPU", "objects", "MiB")


def merged(costs: Iterable[Cost]) -> Iterator[Cost]:
    """The costs of all passes, one of each stage and list, in the order of their first."""
    found: dict[tuple[str, str], list[Cost]] = {}
    for cost in costs:
        found.setdefault((cost.stage, cost.what), []).append(cost)
    for (stage, what), alike in found.items():
        yield Cost(
            stage,
            what,
            sum(one.seconds for one in alike),
            sum(one.cpu_seconds for one in alike),
            sum(one.objects for one in alike),
            sum(one.bytes for one in alike),
        )


def document(costs: Iterable[Cost], seconds: Mapping[str, float]) -> dict[str, Any]:
    """The profile as plain data.

    Args:
        costs: What the stages took.
        seconds: How long each stage of the pass took, with all its lists.
    """
    return {
        "seconds": sum(seconds.values()),
        "peakMemoryBytes": peak_memory_bytes(),
        "stages": [
            {
                "stage": cost.stage,
                "what": cost.what,
                "seconds": cost.seconds,
                "cpuSeconds": cost.cpu_seconds,
                "objects": cost.objects,
                "bytes": cost.bytes,
            }
            for cost in merged(costs)
        ],
    }


def table(costs: Iterable[Cost], seconds: Mapping[str, float]) -> RenderableType:
    """The profile as a table; for the arguments see `document`."""
    shown = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", show_footer=True, footer_style="bold")
    rows = list(merged(costs))
    total = (f"{sum(seconds.values()):.3f}", f"{sum(cost.cpu_seconds for cost in rows):.3f}", "")
    footers = ("pass", *total, f"{peak_memory_bytes() / _KIBIBYTE**2:.0f} at most in memory")
    for title, footer in zip(_COLUMNS, footers, strict=True):
        shown.add_column(title, footer, justify="left" if title == "stage" else "right")
    for cost in rows:
        numbers = (f"{cost.seconds:.3f}", f"{cost.cpu_seconds:.3f}")
        sizes = (str(cost.objects or ""), f"{cost.bytes / _KIBIBYTE**2:.1f}" if cost.bytes else "")
        shown.add_row(f"{cost.stage} {cost.what}".rstrip(), *numbers, *sizes)
    return shown


def peak_memory_bytes() -> int:
    """The most memory that this process ever held."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * _KIBIBYTE
