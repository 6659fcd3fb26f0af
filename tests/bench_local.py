"""How long it takes from a command to workers that compute: `dask-reconciler local` beside Dask's own `LocalCluster`.

Both are processes of their own with two workers, started in turn, so that the machine's other load meets both. Time
runs from the process's start to a Client that has seen its workers; what Python alone takes to start is told beside it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from distributed import Client

from tests.local.command import EXAMPLES, local

WORKERS = 2
LOCAL_CLUSTER = f"""
from distributed import Client, LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers={WORKERS}, processes=True, dashboard_address=":0")
    with cluster, Client(cluster) as client:
        client.wait_for_workers({WORKERS})
        print("ready", flush=True)
        input()
"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is started (default: 5)")
    rounds = parser.parse_args().rounds
    told: dict[str, Callable[[], float]] = {
        "python -c pass": python_alone,
        "LocalCluster(processes=True)": local_cluster,
        "dask-reconciler local": reconciler_local,
    }
    seconds: dict[str, list[float]] = {name: [] for name in told}
    for number in range(rounds):
        for name, measure in told.items():
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
            seconds[name].append(measure())
    base = statistics.median(seconds["LocalCluster(processes=True)"])
    print(f"{'':30} {'median':>8} {'worst':>8} {'ratio':>6}")
    for name, measured in seconds.items():
        middle = statistics.median(measured)
        print(f"{name:30} {middle:7.2f}s {max(measured):7.2f}s {middle / base:6.2f}")


def python_alone() -> float:
    """Python's own start."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - begun


def local_cluster() -> float:
    """Dask's own cluster on one machine."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "cluster.py"
        script.write_text(LOCAL_CLUSTER)
        begun = time.monotonic()
        with subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            took = time.monotonic() - begun
            process.communicate("\n")
        return took


def reconciler_local() -> float:
    """Ours, with the first example."""
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        local(str(EXAMPLES / "simple-cluster.yaml"), temporary=Path(folder)) as run,
    ):
        address = run.says("Client(").split('"')[1]
        with Client(address) as client:
            client.wait_for_workers(WORKERS)
        return time.monotonic() - begun


if __name__ == "__main__":
    main()
