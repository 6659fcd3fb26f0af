"""A worker group for tests, and what it asks for."""

from typing import Any

from models.observed import Pod
from models.resources import DaskWorkerGroup
from models.snapshot import Observed, Unreadable
from reconciler.passes.desire import desire
from reconciler.passes.values import Body, Desired
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


def decisions(desired: Desired) -> Body:
    """What is written down."""
    (record,) = desired.records
    written: Body = record.body["status"]["decisions"]
    return written


def leaving(desired: Desired) -> list[str]:
    """Who is written down as going, those chosen before among them."""
    return [one["name"] for one in decisions(desired)["retiring"]]


def deleted(desired: Desired) -> list[str]:
    return [unwanted.present.metadata.name for unwanted in desired.unwanted]


def chosen(*pods: Pod) -> Body:
    """The status of a group in which those were chosen to go."""
    retiring = [{"name": pod.metadata.name, "uid": pod.metadata.uid} for pod in pods]
    return {"decisions": {"retiring": retiring, "highestOrdinal": 3}}


def name_of(ordinal: int) -> str:
    return names.worker("more", group_of_one().metadata.uid, ordinal)


def three(of: DaskWorkerGroup, **more: Any) -> list[Pod]:
    return [worker(of, ONE, ordinal, **more) for ordinal in (1, 2, 3)]
