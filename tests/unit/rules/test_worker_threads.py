"""How many threads a worker Pod will have, by its template."""

from typing import Any

import pytest

from reconciler.rules.worker_threads import threads_in_template
from tests.builders import group
from tests.manifests import pod_spec


def _limited(cpu: Any) -> dict[str, Any]:
    return {"resources": {"limits": {"cpu": cpu}}}


@pytest.mark.parametrize(
    ("container", "threads"),
    [
        ({}, 1),
        ({"args": ["dask", "worker", "--nthreads", "4"]}, 4),
        ({"args": ["dask", "worker", "--nthreads=2", "--nworkers", "3"]}, 6),
        ({"args": ["dask", "worker", "--nworkers", "auto"], **_limited("4")}, 4),
        ({"args": ["dask-worker --nthreads many"]}, 1),
        (_limited(2), 2),
        (_limited("2500m"), 3),
        (_limited("0.5"), 1),
        (_limited("a lot"), 1),
        ({"resources": None}, 1),
        ({"resources": {"limits": None}}, 1),
    ],
)
def test_threads_are_told_by_the_options_or_else_the_limit(container: dict[str, Any], threads: int) -> None:
    """Where neither tells, one is a start: when the first worker has joined, its scheduler knows."""
    assert threads_in_template(group(worker={"spec": pod_spec(**container)})) == threads
