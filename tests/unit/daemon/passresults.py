"""Passes for tests, in one line each."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key
from models.snapshot import Observed, Owner, Unreadable
from reconciler.daemon.metrics import Metrics
from reconciler.passes.coverage import Coverage
from reconciler.passes.values import Action, Change, Finding, PassResult, Plan, Response, Result, Verb
from reconciler.rules.parts import tree_of
from reconciler.rules.reasons import Reason
from tests.builders import NOON, world
from tests.manifests import pod_spec

SMALL = Key(DASK_CLUSTER, "default", "small")
BIG = Key(DASK_CLUSTER, "ml", "big")


def create(name: str = "small-scheduler", tree: Key = SMALL) -> Action:
    """A Pod to create."""
    key = Key(POD, tree.namespace, name)
    return Action(Verb.CREATE, key, tree, tree, "the cluster has no scheduler", {"kind": "Pod", "spec": pod_spec()})


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
    there = world(*objects, *unreadable)
    answers = (Response(action, Result.DONE) for action in actions) if responses is None else responses
    seconds = {"observe": 0.125, "apply": 0.5}
    owners = [one for one in there.objects.values() if isinstance(one, Owner)]
    return PassResult(
        there,
        Plan(actions, tuple(findings), tuple(postponed)),
        tuple(answers),
        seconds=seconds,
        rounds=1,
        trees={owner.key: tree_of(owner, there) for owner in owners},
    )


def unread(why: str = "the API server is silent for 30 s") -> PassResult:
    """A pass in which a list failed."""
    errors = {"pods in all namespaces": why}
    return PassResult(None, errors=errors, seconds={"observe": 30.0}, coverage=Coverage(frozenset()))


def unreadable(name: str = "broken") -> Unreadable:
    """A cluster that makes no sense."""
    return Unreadable(Key(DASK_CLUSTER, "default", name), "spec.worker.replicas is -1; it must be 0 or more")


def counted(*passes: PassResult, rehearsed: bool = False) -> CollectorRegistry:
    """A registry that has been told of those passes."""
    registry = CollectorRegistry()
    metrics = Metrics(registry, lambda: NOON, rehearsed=rehearsed)
    for result in passes:
        metrics(result)
    return registry


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """The sample of one of our metrics."""
    return registry.get_sample_value(f"dask_reconciler_{name}", labels)
