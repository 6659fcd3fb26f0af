"""Passes for tests, in one line each."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key
from models.resources import DaskCluster, DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot, Unreadable, keyed
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import Action, Change, Finding, PassResult, Plan, Response, Result, Verb
from reconciler.rules.parts import tree_of
from reconciler.rules.reasons import Reason

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SMALL = Key(DASK_CLUSTER, "default", "small")
BIG = Key(DASK_CLUSTER, "ml", "big")
POD_SPEC: Mapping[str, Any] = {"containers": [{"name": "main", "image": "dask"}]}


def cluster(key: Key = SMALL, phase: str = "Running") -> DaskCluster:
    """A cluster of that name."""
    spec = {"scheduler": {"spec": POD_SPEC}, "worker": {"spec": POD_SPEC, "replicas": 2}}
    metadata = {"name": key.name, "namespace": key.namespace, "uid": f"{key.name}-uid"}
    return DaskCluster.model_validate({"metadata": metadata, "spec": spec, "status": {"phase": phase}})


def group(owner: Key = SMALL, replicas: int = 2) -> DaskWorkerGroup:
    """The default group of a cluster."""
    spec = {"cluster": owner.name, "worker": {"spec": POD_SPEC, "replicas": replicas}}
    metadata = {"name": f"{owner.name}-default", "namespace": owner.namespace, "uid": f"{owner.name}-group-uid"}
    return DaskWorkerGroup.model_validate({"metadata": metadata, "spec": spec})


def create(name: str = "small-scheduler", tree: Key = SMALL) -> Action:
    """A Pod to create."""
    key = Key(POD, tree.namespace, name)
    return Action(Verb.CREATE, key, tree, tree, "the cluster has no scheduler", {"kind": "Pod", "spec": POD_SPEC})


def update(old: object = 2, new: object = 3, tree: Key = SMALL) -> Action:
    """A number of replicas to hand down."""
    key = Key(DASK_WORKER_GROUP, tree.namespace, f"{tree.name}-default-worker-group")
    changes = (Change("spec.worker.replicas", old, new),)
    body = {"spec": {"worker": {"replicas": new}}}
    return Action(Verb.UPDATE, key, tree, tree, "the cluster wants other ones", body, "u", changes)


def delete(name: str = "small-old", tree: Key = SMALL) -> Action:
    """A Service to delete."""
    return Action(Verb.DELETE, Key(SERVICE, tree.namespace, name), tree, tree, "nobody wants it", uid="u")


def finding(reason: Reason = Reason.NAME_CONFLICT, about: Key = SMALL) -> Finding:
    """Something to tell a cluster's owner."""
    return Finding(about, reason, f"Service {about.name}-scheduler belongs to someone else")


def refused(action: Action, reason: str = "Forbidden") -> Response:
    """The server's no."""
    return Response(action, Result.REFUSED, error="exceeded quota: pods", reason=reason)


def passed(
    *actions: Action,
    postponed: Iterable[Action] = (),
    findings: Iterable[Finding] = (),
    responses: Iterable[Response] | None = None,
    objects: Iterable[Observed] = (),
    unreadable: Iterable[Unreadable] = (),
) -> PassResult:
    """A pass that read the world and did those things."""
    world = Snapshot(NOON, keyed(objects), {each.key: each for each in unreadable})
    answers = (Response(action, Result.DONE) for action in actions) if responses is None else responses
    seconds = {"observe": 0.125, "apply": 0.5}
    owners = [one for one in world.objects.values() if isinstance(one, Owner)]
    return PassResult(
        world,
        Plan(actions, tuple(findings), tuple(postponed)),
        tuple(answers),
        seconds=seconds,
        rounds=1,
        trees={owner.key: tree_of(owner, world) for owner in owners},
    )


def unread(why: str = "the API server is silent for 30 s") -> PassResult:
    """A pass in which a list failed."""
    errors = {"pods in all namespaces": why}
    return PassResult(None, errors=errors, seconds={"observe": 30.0}, coverage=Coverage(frozenset()))


def unreadable(name: str = "broken") -> Unreadable:
    """A cluster that makes no sense."""
    return Unreadable(Key(DASK_CLUSTER, "default", name), "spec.worker.replicas is -1; it must be 0 or more")
