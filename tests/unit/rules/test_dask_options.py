"""Where workers look for their scheduler, by what they are told."""

from typing import Any

import pytest

from reconciler.rules.dask_options import DaskOptions

USUAL = "tcp://simple-scheduler.default.svc:8786"
FROM_SECRET = {"secretKeyRef": {"name": "keys", "key": "address"}}


def env(**more: Any) -> list[dict[str, Any]]:
    return [{"name": "DASK_SCHEDULER_ADDRESS", **more}]


@pytest.mark.parametrize(
    ("container", "address"),
    [
        ({}, USUAL),
        ({"args": ["dask", "worker", "--name", "$(DASK_WORKER_NAME)"]}, USUAL),
        ({"args": ["dask", "worker", "tcp://elsewhere:8786"]}, "tcp://elsewhere:8786"),
        ({"args": ["sh", "-c", "dask worker tls://elsewhere:8786 --nthreads 2"]}, "tls://elsewhere:8786"),
        ({"args": ["dask", "worker", "$(WHERE)"], "env": [{"name": "WHERE", "value": "tcp://a:1"}]}, "tcp://a:1"),
        ({"args": ["dask", "worker", "--listen-address", "tcp://0.0.0.0:9000"]}, USUAL),
        ({"env": env(value="tcp://other:1")}, "tcp://other:1"),
        ({"env": env(valueFrom=FROM_SECRET)}, ""),
        ({"args": ["dask-worker", "tcp://me:secret@other:1"]}, "tcp://other:1"),
    ],
)
def test_a_worker_looks_where_it_is_told(container: dict[str, Any], address: str) -> None:
    """Its arguments first, then the variable; a Secret's content is not known, and what looks like one is not told."""
    assert DaskOptions(container).looked_for(USUAL) == address
