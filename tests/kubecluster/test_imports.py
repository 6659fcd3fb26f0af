"""What importing brings with it: a command must answer at once."""

import subprocess
import sys
from pathlib import Path

import pytest

import kubecluster

HEAVY = {"distributed", "dask", "kubernetes", "rich", "websockets", "urllib3", "yaml", "tornado", "aiohttp"}
LIGHT = (
    "import kubecluster",
    "import kubecluster; kubecluster.NotReady, kubecluster.CreateMode, dir(kubecluster)",
    "from kubecluster import errors, names, checks, threads",
)
NEVER = {"reconciler", "models", "kubernetes", "rich", "dask_kubernetes"}


def modules(program: str) -> set[str]:
    """Which packages a program has imported in the end."""
    told = f"{program}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    path = Path(__file__).parents[2] / "kubecluster" / "src"
    done = subprocess.run([sys.executable, "-c", told], env={"PYTHONPATH": str(path)}, capture_output=True, check=True)
    return set(done.stdout.decode().split())


@pytest.mark.parametrize("program", LIGHT)
def test_what_is_not_used_is_not_imported(program: str) -> None:
    """Dask alone takes a second."""
    assert not modules(program) & (HEAVY - {"yaml"} | NEVER)


@pytest.mark.parametrize(
    "program",
    ["from kubecluster import resource, waiting, lifetime, access, logs, groups, starting, session"],
)
def test_what_the_commands_use_needs_none_of_distributed(program: str) -> None:
    """Listing clusters takes no Dask."""
    assert not modules(program) & (NEVER | {"distributed", "dask"})


def test_the_client_needs_none_of_the_daemon() -> None:
    """It is a distribution of its own, and imports Kubernetes' client and Rich when they are used."""
    assert not modules("from kubecluster import KubeCluster, discover") & NEVER


def test_all_public_names_are_there() -> None:
    """What is listed can be had, and an unknown name is an error as everywhere."""
    assert all(getattr(kubecluster, name) is not None for name in kubecluster.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = kubecluster.nonsense
