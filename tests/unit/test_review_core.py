"""Resources that are odd, damaged or hostile delay nobody, themselves as little as possible, and repeat nothing."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE
from models.snapshot import Snapshot
from reconciler.passes import policy
from reconciler.passes.desire import desire
from reconciler.passes.desire.scaling_and_rollout import Worker, next_turn
from reconciler.passes.plan import plan
from reconciler.passes.values import Result, Verb
from reconciler.passes.write_backoff import LONGEST_WAIT, next_waits, waiting
from reconciler.rules.labels import ORDINAL, ordinal
from reconciler.rules.names import Naming
from reconciler.rules.reasons import Reason
from tests.builders import (
    NOON,
    action,
    cluster,
    default_group,
    group,
    job,
    plan_of,
    pod_spec,
    response,
    scheduler,
    service,
    world,
)
from tests.simulation.world import World, key

Json = Mapping[str, Any]
GIANT = 2**31 - 1


@pytest.mark.parametrize("damage", ["9" * 5000, str(10**15), "1" * 16, "-1", "1.5", "", "x", "\u00b2"])
def test_a_damaged_ordinal_counts_as_none(damage: str) -> None:
    """Whatever someone writes into the annotation, the next worker's number follows from the others."""
    assert ordinal({ORDINAL: damage}) == 0


def test_a_damaged_ordinal_stops_nothing() -> None:
    """The group goes on, and gets its missing worker."""
    there = World(cluster(replicas=3))
    there.settle()
    pods = there.workers("simple-default-worker-group")
    there.edit(key(POD, pods[0]["metadata"]["name"]), {"metadata": {"annotations": {ORDINAL: "9" * 5000}}})
    there.delete(key(POD, pods[1]["metadata"]["name"]))
    there.settle()
    assert len(there.workers("simple-default-worker-group")) == 3
    assert there.results[-1].ok


def test_a_group_of_thousands_of_millions_is_worked_out_a_part_at_a_time() -> None:
    """A slip of the finger in `replicas` takes neither the memory nor the time of the others."""
    one = cluster()
    huge = default_group(one, replicas=GIANT)
    wanted = desire(huge, world(one, huge, scheduler(one)), Naming.CLASSIC).wanted
    assert 0 < len(wanted) <= 1000
    assert len({each.key for each in wanted}) == len(wanted)


def test_thousands_of_workers_are_let_go_in_no_time() -> None:
    """The work grows with the number of workers, not with its square."""
    many = [Worker(f"w-{number}", number, NOON, stale=True) for number in range(20_000)]
    spec = group(replicas=10).spec.worker
    assert len(next_turn(many, spec).remove) >= 19_990


def test_a_pod_of_another_namespace_is_nobodys_here() -> None:
    """An owner reference out of another namespace means nothing in Kubernetes, whoever writes it."""
    one = cluster()
    ours = scheduler(one)
    foreign = scheduler(one, name="aaa", namespace="elsewhere")
    there = world(one, ours, foreign)
    assert there.children(one.metadata.uid, type(ours)) == (ours,)
    assert not desire(one, there, Naming.CLASSIC).unwanted


EMPTY: dict[str, tuple[Json, Json]] = {
    "false": ({"publishNotReadyAddresses": False}, {}),
    "an empty list": ({"externalIPs": [], "loadBalancerSourceRanges": []}, {}),
    "an empty text": ({"clusterIP": "", "sessionAffinity": ""}, {"clusterIP": "10.0.0.7", "sessionAffinity": "None"}),
    "0": ({"healthCheckNodePort": 0}, {"healthCheckNodePort": 30007}),
    "one IP family of two": (
        {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]},
        {"ipFamilies": ["IPv6", "IPv4"]},
    ),
    "one address of two": ({"clusterIPs": ["10.0.0.7"]}, {"clusterIPs": ["10.0.0.7", "fd00::7"]}),
}


@pytest.mark.parametrize(("asked", "shown"), EMPTY.values(), ids=EMPTY)
def test_what_the_server_leaves_out_or_fills_in_is_no_difference(asked: Json, shown: Json) -> None:
    """Otherwise the same update would be sent again and again, in every round of every pass."""
    one = cluster(scheduler={"service": asked})
    first = plan(desire(one, world(one, scheduler(one)), Naming.CLASSIC), world(one))
    body = next(each.body for each in first.actions if each.key == key(SERVICE, "simple-service"))
    spec = {name: value for name, value in {**body["spec"], **shown}.items() if value or name in shown}
    meta = body["metadata"]
    stored = service("simple-service", spec, owner=one, labels=meta["labels"], annotations=meta["annotations"])
    there = world(one, scheduler(one), stored)
    again = plan(desire(one, there, Naming.CLASSIC), there)
    assert [each.body for each in again.actions if each.key == stored.key] == []


@pytest.mark.parametrize(
    ("asked", "edited"),
    [
        ({"publishNotReadyAddresses": False}, {"publishNotReadyAddresses": True}),
        ({"ipFamilies": ["IPv6"]}, {"ipFamilies": ["IPv4"]}),
        ({"externalIPs": []}, {"externalIPs": ["192.0.2.1"]}),
    ],
)
def test_what_is_asked_for_is_still_put_right(asked: Json, edited: Json) -> None:
    """An edit by hand is undone where the manifest says otherwise."""
    there = World(cluster(scheduler={"service": asked}))
    there.settle()
    service_key = key(SERVICE, "simple-service")
    there.api.edit(service_key, {"spec": dict(edited)})
    one = there.get(service_key)
    assert {name: one["spec"][name] for name in edited} == edited
    there.reconcile()
    spec = there.get(service_key)["spec"]
    assert all(spec.get(name) != value for name, value in edited.items())


ONE = cluster("one")
REFUSED = response(action(Verb.CREATE, owner="one"), Result.REFUSED, error="exceeded quota")


def test_a_resource_created_anew_waits_for_nothing() -> None:
    """Deleting and creating it again, with the same name and generation, is a way to begin again."""
    waits = next_waits({}, [REFUSED], world(ONE), NOON)
    anew = world(cluster("one", uid="another"))
    assert waiting(waits, anew, NOON) == {}
    assert next_waits(waits, [REFUSED], anew, NOON)[ONE.key].errors == 1


def test_errors_long_ago_are_not_in_a_row_with_the_next() -> None:
    """A resource that had its turn and nothing left to do begins anew with its next error."""
    waits = next_waits({}, [REFUSED], world(ONE), NOON)
    later = NOON + timedelta(hours=1)
    waits = next_waits(waits, [], Snapshot(later, world(ONE).objects), later)
    assert waits == {}


@pytest.mark.parametrize("asked", [86400.0, 1e300, float("inf")])
def test_no_server_can_ask_for_more_than_the_longest_wait(asked: float) -> None:
    """A Retry-After of a day, or one that no date can hold, is that of something in between."""
    limited = response(action(Verb.CREATE, owner="one"), Result.UNAVAILABLE, retry_after_seconds=asked)
    assert next_waits({}, [limited], world(ONE), NOON)[ONE.key].until == NOON + LONGEST_WAIT


def test_a_resource_with_nothing_to_do_is_not_said_to_back_off() -> None:
    """What ends a wait is also that someone else did what was to be done."""
    waits = waiting(next_waits({}, [REFUSED], world(ONE), NOON), world(ONE), NOON)
    assert policy.without_waiting(plan_of(), waits).findings == ()
    allowed = policy.without_waiting(plan_of(action(Verb.CREATE, owner="one")), waits)
    assert [finding.reason for finding in allowed.findings] == [Reason.BACK_OFF]
    assert allowed.actions == ()


def test_longest_names_are_converged() -> None:
    """The longest allowed names, of a cluster and of a group, fit into every label and every child's name."""
    name = "a" + "-" * 51 + "z"
    long_group = "g" + "-g" * 117
    there = World(cluster(name, replicas=1), group(name, long_group, replicas=1))
    there.settle()
    assert there.get(key(DASK_CLUSTER, name))["status"]["phase"] == "Running"
    assert there.get(key(DASK_WORKER_GROUP, long_group))["status"]["workers"] == "1/1"
    for pod in there.pods():
        assert all(len(value) <= 63 for value in pod["metadata"]["labels"].values())


ODD_TEMPLATES: dict[str, Json] = {
    "no containers": {"containers": []},
    "env null": {"containers": [{"name": "main", "env": None, "ports": None, "args": None, "command": None}]},
    "no image": {"containers": [{"name": "main"}]},
    "a port without a name": {"containers": [{"name": "main", "ports": [{"containerPort": 8786}]}]},
    "a name set twice, to nothing": {
        "containers": [
            {"name": "main", "env": [{"name": "DASK_WORKER_NAME", "value": None}, {"name": "DASK_WORKER_NAME"}]}
        ]
    },
    "unicode": {"containers": [{"name": "main", "args": ["\u4f60\u597d", "\U0001f600", "\u0000"]}]},
}


@pytest.mark.parametrize("template", ODD_TEMPLATES.values(), ids=ODD_TEMPLATES)
def test_an_odd_template_brings_no_bug_to_light(template: Json) -> None:
    """Whatever the schema lets pass is at most refused by the API server, and told."""
    there = World(cluster(scheduler={"spec": template}, worker={"spec": template}), cluster("other"))
    result = there.reconcile()
    assert result.bugs == ()
    assert there.get(key(DASK_CLUSTER, "other"))["status"]["phase"] == "Running"


def test_a_runner_that_names_its_node_is_created_when_the_scheduler_is_ready() -> None:
    """A Pod with a node cannot be gated, so it waits by not being there."""
    runner = {**pod_spec(), "nodeName": "node-0"}
    there = World(job("train", replicas=1, runner=runner))
    there.reconcile()
    assert not there.has(key(POD, "train-runner"))
    there.settle()
    assert there.get(key(POD, "train-runner"))["spec"].get("schedulingGates", []) == []
