"""A worker group for tests, and what it asks for."""

from typing import Any

from models.observed import Pod
from models.resources import DaskWorkerGroup
from models.snapshot import Observed, Unreadable
from reconciler.passes.desire import desire
from reconciler.passes.values import Desired
from reconciler.rules import names
from reconciler.rules.names import Naming
from tests.builders import cluster, group, scheduler, worker, world

ONE = cluster(labels={"team": "cluster", "a": "cluster"})
HEAD = scheduler(ONE)


def group_of_one(**more: Any) -> DaskWorkerGroup:
    return group(ONE, "more", **more)


def desired(of: DaskWorkerGroup, *objects: Observed | Unreadable, **more: Any) -> Desired:
    return desire(of, world(ONE, HEAD, of, *objects, **more), Naming.CLASSIC)


def created(desired: Desired) -> list[str]:
    return [wanted.key.name for wanted in desired.wanted if wanted.present is None]


def kept(desired: Desired) -> list[str]:
    return [wanted.key.name for wanted in desired.wanted if wanted.present is not None]


def leaving(desired: Desired) -> list[str]:
    """Who is written down as going."""
    (record,) = desired.records
    retiring: list[str] = record.body["status"]["retiring"]
    return retiring


def name_of(ordinal: int) -> str:
    return names.worker("more", group_of_one().metadata.uid, ordinal)


def three(of: DaskWorkerGroup, **more: Any) -> list[Pod]:
    return [worker(of, ONE, ordinal, **more) for ordinal in (1, 2, 3)]
