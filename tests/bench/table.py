"""The rows as Markdown, with the machine and the versions that they were measured with."""

import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("pydantic", "pydantic-core", "kubernetes", "urllib3")
_MODULES = Path(__file__).parents[1] / "realcluster" / "go"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        work: what was measured.
        floor: the least that it could take, measured in the same run.
        measured: what it took.
        ratio: of the two.
        target: what it should be at most.
    """

    work: str
    floor: str
    measured: str
    ratio: str
    target: str


def ratio(measured: float, floor: float) -> str:
    """How many times the floor."""
    return f"{measured / floor:.2f}"


def percentiles(seconds: Sequence[float]) -> str:
    """The median, the 99th percentile (the worst, of fewer than 100) and how many there are."""
    ranked = sorted(seconds)
    worst = ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))]
    return f"p50 {told(statistics.median(ranked))}, p99 {told(worst)} ({len(ranked)})"


def told(seconds: float) -> str:
    """A duration with the digits that mean something."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def markdown(rows: Iterable[Row], pictures: Iterable[str] = ()) -> str:
    """The table and what was measured with what."""
    head = ("| work | floor | measured | ratio | to reach |", "| --- | --- | --- | --- | --- |")
    lines = [f"| {row.work} | {row.floor} | {row.measured} | {row.ratio} | {row.target} |" for row in rows]
    return "\n".join((*head, *lines, "", *surroundings(), *pictures))


def surroundings() -> list[str]:
    """The machine, the versions and the commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"Measured on {datetime.now(UTC):%Y-%m-%d} at commit {_commit()}, with other load {os.getloadavg()[2]:.1f}:",
        f"{cores} cores of {_processor()}, {memory:.0f} GiB; Linux {platform.release()};",
        f"Kubernetes {_module('kubernetes', 'k8s.io/kubernetes')}, kwok {_module('kwok', 'sigs.k8s.io/kwok')},",
        f"etcd without fsync; Python {platform.python_version()}, {packages}.",
    ]


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _module(folder: str, module: str) -> str:
    found = re.search(rf"{re.escape(module)} (v\S+)", (_MODULES / folder / "go.mod").read_text())
    return found[1] if found else "?"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "?"
