"""Plans for tests, in one line each."""

from typing import Any

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from models.snapshot import Observed, Snapshot
from reconciler.passes.desire.children import Marks, child_body
from reconciler.passes.plan import plan
from reconciler.passes.values import Action, Body, Desired, Finding, Plan, Verb, Wanted
from reconciler.rules.labels import Role
from tests.builders import NAMESPACE, cluster, world

OWNER = cluster()
WHY = "because"
GUARDS = ("uid", "resourceVersion")


def wanting(body: Body, present: Observed | None = None) -> Wanted:
    """That an object should exist, which may be there in some form."""
    kind = {"Pod": POD, "Service": SERVICE, "DaskWorkerGroup": DASK_WORKER_GROUP}[body["kind"]]
    return Wanted(Key(kind, NAMESPACE, body["metadata"]["name"]), body, present, WHY)


def pod_body(spec: Body | None = None, labels: dict[str, str] | None = None) -> Body:
    """A scheduler Pod called p."""
    return child_body(POD, "p", OWNER, Marks(Role.SCHEDULER, (), labels or {}), spec)


def planned(*wanted: Wanted, snapshot: Snapshot | None = None, **more: Any) -> tuple[Action, ...]:
    """The actions of the plan."""
    return plan(Desired(OWNER, wanted, **more), snapshot or world()).actions


def action(verb: Verb, name: str = "p", *, owner: str = "simple", tree: str | None = None, kind: Kind = POD) -> Action:
    """A write on behalf of a cluster."""
    by, top = Key(DASK_CLUSTER, NAMESPACE, owner), Key(DASK_CLUSTER, NAMESPACE, tree or owner)
    body: Body = {"metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": [{"uid": f"{owner}-uid"}]}}
    return Action(verb, Key(kind, NAMESPACE, name), by, top, "it is a test", {} if verb is Verb.DELETE else body)


def plan_of(*actions: Action, findings: tuple[Finding, ...] = ()) -> Plan:
    """A plan of those actions."""
    return Plan(actions, findings)


def patch_of(present: Observed, body: Body) -> Body:
    """What an update of the object would send, without its guards."""
    actions = planned(wanting(body, present))
    if not actions:
        return {}
    (action,) = actions
    assert action.verb is Verb.UPDATE
    metadata = {name: value for name, value in action.body["metadata"].items() if name not in GUARDS}
    patch = {"metadata": metadata, "spec": action.body.get("spec")}
    return {part: fields for part, fields in patch.items() if fields}
