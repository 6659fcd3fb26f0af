"""How many threads a worker Pod will have, as far as its template tells: a scheduler without workers counts threads."""

import math
import re
from typing import Any

from models.resources import DaskWorkerGroup
from reconciler.rules.dask_options import DaskOptions
from reconciler.rules.main_container import main_of_spec

_NUMBER = re.compile("[0-9]{1,5}")
_CPU = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m?)")


def threads_in_template(group: DaskWorkerGroup) -> int:
    """How many threads each of the group's Pods will have: by `--nthreads`, else by its CPU limit, else one."""
    worker = group.spec.worker
    container = main_of_spec(worker.spec, worker.metadata.annotations)
    options = DaskOptions(container)
    each, workers = (_number(options.option(name)) for name in ("--nthreads", "--nworkers"))
    if each:
        return each * max(1, workers)
    limits = (container.get("resources") or {}).get("limits") or {}
    return max(1, _cpus(limits.get("cpu")))


def _number(text: str) -> int:
    return int(text) if _NUMBER.fullmatch(text) else 0


def _cpus(limit: Any) -> int:
    """How many threads Dask starts where so many CPUs may be used."""
    found = _CPU.fullmatch(str(limit))
    return math.ceil(float(found[1]) / (1000 if found[2] else 1)) if found is not None else 0
