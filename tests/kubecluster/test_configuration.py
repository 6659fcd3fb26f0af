"""Dask's configuration as a source of KubeCluster's arguments."""

import getpass
import inspect
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import dask.config
import pytest
import yaml
from dask_kubernetes.operator import KubeCluster  # type: ignore[import-untyped]  # it has no types

from kubecluster.options import TABLE, resolve

BETTER = {"worker-command": None, "idle-timeout": 0, "shutdown-on-close": None}
"""Defaults that are not dask-kubernetes': its own make a GPU's worker an ordinary one, and delete joined clusters."""


def test_keys_and_defaults_of_the_configuration_are_dask_kubernetes() -> None:
    """What is configured for dask-kubernetes goes on working: its keys, and its defaults where ours are no better."""
    theirs = yaml.safe_load((files("dask_kubernetes") / "kubernetes.yaml").read_text())
    arguments = inspect.signature(KubeCluster.__init__).parameters
    for name, option in TABLE.items():
        if name in arguments and name != "quiet":
            default = dask.config.get(option.key, config=theirs["kubernetes"])
            assert option.default == BETTER.get(option.key, default), name


def test_a_maximum_of_workers_is_warned_about_in_the_callers_line() -> None:
    """`count.max` has no effect, as in dask-kubernetes, and says so where KubeCluster is used."""
    with dask.config.set({"kubernetes.count.max": 3}), pytest.warns(UserWarning, match="Resource Quotas") as warned:
        resolve(name="count")
    assert [(each.filename, 'name="count"' in _line(each.lineno)) for each in warned] == [(__file__, True)]


def _line(number: int) -> str:
    return Path(__file__).read_text().splitlines()[number - 1]


PROGRAM = """
import sys
for module in sys.argv[1:]:
    __import__(module)
from kubecluster.options import resolve
found = resolve(name="{user}", gpus=1)
print(found.name, found.n_workers, found.namespace, found.jupyter, found.worker_command, found.shutdown_on_close)
print(found.manifest()["spec"]["worker"]["spec"]["containers"][0]["args"][0])
"""


@pytest.mark.parametrize("modules", [[], ["dask_kubernetes"]], ids=["alone", "beside dask-kubernetes"])
def test_variables_and_files_configure_a_cluster(tmp_path: Path, modules: list[str]) -> None:
    """`DASK_KUBERNETES__*` and Dask's YAML files count, and the defaults of an imported dask-kubernetes do not."""
    (tmp_path / "mine.yaml").write_text("kubernetes: {namespace: team, count: {start: 1}}")
    configuration = {"DASK_CONFIG": str(tmp_path), "DASK_KUBERNETES__COUNT__START": "2", "HOME": str(tmp_path)}
    variables = {"LOGNAME": "Jane.Doe", "DASK_KUBERNETES__SCHEDULER_JUPYTER": "true", **configuration}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DASK_")}
    command = [sys.executable, "-c", PROGRAM, *modules]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=inherited | variables)
    assert done.stdout.splitlines() == ["jane-doe 2 team True None None", "dask-cuda-worker"]


@pytest.mark.parametrize("error", [KeyError, OSError, ImportError])
def test_a_user_without_a_name_is_called_user(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """In a container, which often has no such user, a cluster gets a name all the same."""

    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert resolve().name.startswith("dask-user-")


def test_two_clusters_get_two_names() -> None:
    """The usual name has a number that no other cluster has."""
    assert resolve().name != resolve().name
