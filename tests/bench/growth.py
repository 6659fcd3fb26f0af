"""Row h: how a pass grows, on the API in memory: `python -m tests.bench.growth CLUSTERS` measures one size.

Each size is measured in a process of its own, since the most memory that a process held never falls. What it holds
includes the API in memory.
"""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from reconciler.daemon.run import collect_garbage_seldom
from reconciler.daemon.settings import Settings
from reconciler.loop import Loop
from reconciler.memory import MemoryAPI
from tests.bench import process
from tests.bench.picture import Curve, plot
from tests.bench.table import Row
from tests.builders import cluster, manifest
from tests.simulation.clock import Clock
from tests.simulation.kubelet import Kubelet

SIZES = (100, 1000, 5000)
WORKERS = 10
_MOST_PASSES = 200


@dataclass(frozen=True)
class Figures:
    """What one size took.

    Attributes:
        clusters: how many.
        first: CPU seconds of the passes until all was made, without the fake kubelet's.
        quiet: CPU seconds of a pass with nothing to do.
        megabytes: the most memory that the process held.
    """

    clusters: int
    first: float
    quiet: float
    megabytes: float


def measure_each(sizes: Sequence[int]) -> list[Figures]:
    """Measure each size in a process of its own."""
    found = []
    for size in sizes:
        command = [sys.executable, "-m", "tests.bench.growth", str(size)]
        found.append(Figures(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)))
    return found


def row(found: Sequence[Figures]) -> Row:
    """Row h."""
    sizes = ", ".join(f"{one.clusters:,}" for one in found)
    seconds = "; ".join(f"{one.first:.2f} and {one.quiet:.2f} s" for one in found)
    memory = ", ".join(f"{one.megabytes:.0f}" for one in found)
    work = f"h. growth: {sizes} clusters x {WORKERS} on the API in memory: CPU of a first and of a quiet pass; memory"
    return Row(work, "-", f"{seconds}; {memory} MiB", _growth(found), "linear")


def picture(found: Sequence[Figures]) -> str:
    """Row h as SVG."""
    sizes = [one.clusters for one in found]
    return plot(
        "clusters of 1 scheduler and 10 workers",
        [
            Curve("first pass, CPU seconds", sizes, [one.first for one in found]),
            Curve("quiet pass, CPU seconds", sizes, [one.quiet for one in found]),
            Curve("memory with the API, MiB", sizes, [one.megabytes for one in found]),
        ],
    )


def _growth(found: Sequence[Figures]) -> str:
    """How a cluster's cost changes from the smallest to the largest size; 1.0 is linear."""
    least, most = found[0], found[-1]
    first, quiet = (
        getattr(most, name) / most.clusters / (getattr(least, name) / least.clusters) for name in ("first", "quiet")
    )
    return f"a cluster's cost x {first:.2f} and x {quiet:.2f}"


def measure(clusters: int) -> Figures:
    """Make clusters on an API in memory until nothing is left to do, then make one pass more."""
    clock = Clock()
    api = MemoryAPI(clock)
    for number in range(clusters):
        api.create(cluster().kind(), manifest(cluster(f"c{number:05}", replicas=WORKERS, naming=None)))
    loop = Loop(api, Settings(parallel_writes=1), clock=clock)
    kubelet, first = Kubelet(api, clock), 0.0
    for _ in range(_MOST_PASSES):
        begun = time.process_time()
        result = loop.once()
        first += time.process_time() - begun
        is_quiet = not result.plan.actions and not result.reports
        clock.advance(5)
        if not kubelet.step() and is_quiet:
            break
    gc.collect()
    begun = time.process_time()
    loop.once()
    quiet = time.process_time() - begun
    return Figures(clusters, first, quiet, process.highest_megabytes(os.getpid()))


if __name__ == "__main__":
    collect_garbage_seldom()
    sys.stdout.write(json.dumps(asdict(measure(int(sys.argv[1])))))
