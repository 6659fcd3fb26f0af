"""What the custom resource definitions in crds/ let through."""

import pytest

from models.kinds import POD
from reconciler.wire.errors import Invalid
from reconciler.wire.protocol import Body
from tests.contract.world import World, key_of, version
from tests.manifests import Manifest, autoscaler, cluster, group, job, manifest


def _with(body: Manifest, path: str, value: object) -> Manifest:
    """The manifest with another value at a dotted path."""
    name, _, rest = path.partition(".")
    return {**body, name: _with(body.get(name, {}), rest, value) if rest else value}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (group(replicas=-1), "spec.worker.replicas"),
        (group(replicas=2**31), "spec.worker.replicas"),
        (group(replicas="1"), "spec.worker.replicas"),
        (group(replicas=1.5), "spec.worker.replicas"),
        (group(replicas=True), "spec.worker.replicas"),
        (group(of=""), "spec.cluster"),
        (group(of=None), "spec.cluster"),
        (group(of="x" * 254), "spec.cluster"),
        (group(updateStrategy={"type": "Sometimes"}), "spec.worker.updateStrategy.type"),
        (group(updateStrategy={"rollingUpdate": {"maxSurge": "a"}}), "maxSurge"),
        (group(updateStrategy={"rollingUpdate": {"maxSurge": -1}}), "maxSurge"),
        (group(disruptionBudget={}), "disruptionBudget"),
        (group(disruptionBudget={"minAvailable": 1, "maxUnavailable": 1}), "disruptionBudget"),
        (group(disruptionBudget={"maxUnavailable": "00%"}), "maxUnavailable"),
        (group(disruptionBudget={"minAvailable": "100%"}), "minAvailable"),
        (group(updateStrategy={"rollingUpdate": {"maxUnavailable": 0}}), "spec.worker.updateStrategy.rollingUpdate"),
        (group(metadata={"labels": {"a": 1}}), "spec.worker.metadata.labels"),
        (_with(group(), "spec.worker", {}), r"spec.worker.spec: Required value"),
        (_with(group(), "spec.worker.spec", {}), r"spec.worker.spec.containers: Required value"),
        (_with(group(), "spec.worker.spec.containers", [{"image": "i"}]), r"containers\[0\].name: Required value"),
        (_with(group(), "spec.worker.spec.containers", "none"), r"spec.worker.spec.containers"),
        (_with(group(), "spec", "none"), "spec"),
        ({key: value for key, value in group().items() if key != "spec"}, "spec: Required value"),
        (autoscaler(minimum=3, maximum=2), "spec.minimum"),
        (autoscaler(maximum=-1), "spec.maximum"),
        (autoscaler(workerGroup=""), "spec.workerGroup"),
        (autoscaler(workerGroup="x" * 254), "spec.workerGroup"),
        (cluster("a.b"), "metadata.name"),
        (cluster("x" * 54), "metadata.name"),
        (job("x" * 54), "metadata.name"),
        (group("x" * 236), "metadata.name"),
        (_with(cluster(), "spec.idleTimeout", -1), "spec.idleTimeout"),
        (_with(job(), "spec.cluster.spec.worker.replicas", -1), "spec.cluster.spec.worker.replicas"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_definitions_forbid_is_refused(strict_world: World, body: Manifest, field: str) -> None:
    """A value that the definition forbids is refused; the message names the field."""
    with pytest.raises(Invalid, match=field):
        strict_world.create(body)
    assert strict_world.names(body) == []


@pytest.mark.parametrize(
    "worker",
    [
        {"updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}},
        {"updateStrategy": {"rollingUpdate": {"maxSurge": "10%"}}},
        {"disruptionBudget": {"maxUnavailable": 1}},
        {"disruptionBudget": {"minAvailable": "99%"}},
        {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": 4, "memory": "1Gi", "x": 0.5}}}]}},
        {"spec": {"containers": [{"name": "a", "env": [{"name": "x", "value": "1"}, {"name": "x", "value": "2"}]}]}},
        {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1}]}], "newInKubernetes": {"x": [1]}}},
        {"metadata": {"labels": {"anything": "goes here"}}},
        {"replicas": 0, "minReadySeconds": 10},
    ],
    ids=str,
)
def test_what_the_definitions_allow_is_kept_as_it_is(strict_world: World, worker: Body) -> None:
    """Quantities of any form, fields of newer versions of Kubernetes, zero: all is stored as it was written."""
    created = strict_world.create(group(**worker))
    assert {key: created["spec"]["worker"][key] for key in worker} == worker


def test_defaults_of_the_definitions(strict_world: World) -> None:
    """One replica, no idle timeout; a default comes back when its field is removed."""
    created = strict_world.create(cluster())
    assert created["spec"]["idleTimeout"] == 0
    assert created["spec"]["worker"]["replicas"] == 1
    key = key_of(created)
    strict_world.api.patch(key, {"spec": {"worker": {"replicas": 5}}})
    after = strict_world.api.patch(key, {"spec": {"worker": {"replicas": None}}}).body
    assert after["spec"]["worker"]["replicas"] == 1


def test_a_typo_comes_back_as_a_warning(strict_world: World) -> None:
    """A field that the definition does not know is left out, with a warning that names it; in Pod specs it is kept."""
    body = _with(_with(group(replica=3), "spec.workers", {}), "spec.worker.spec.unheard", "of")
    reply = strict_world.api.create(key_of(group()).kind, strict_world.placed({**body, "misplaced": 1}))
    assert set(reply.warnings) >= {
        'unknown field "misplaced"',
        'unknown field "spec.worker.replica"',
        'unknown field "spec.workers"',
    }
    assert reply.body["spec"].keys() == {"cluster", "worker"}
    assert "replica" not in reply.body["spec"]["worker"]
    assert reply.body["spec"]["worker"]["spec"]["unheard"] == "of"
    assert "misplaced" not in reply.body


def test_a_patch_with_nothing_but_a_typo_writes_nothing(strict_world: World) -> None:
    """A patch is pruned like a create, and comes with the same warning."""
    created = strict_world.create(group())
    reply = strict_world.api.patch(key_of(created), {"spec": {"worker": {"replica": 3}}})
    assert reply.warnings == ('unknown field "spec.worker.replica"',)
    assert version(reply.body) == version(created)
    reply = strict_world.api.patch(key_of(created), {"status": {"unheard": "of"}}, "status")
    assert reply.warnings == ('unknown field "status.unheard"',)


def test_nulls_are_dropped_where_none_may_be(strict_world: World) -> None:
    """A null in a known field is as good as nothing; in an unknown field of a Pod spec it is kept."""
    template = {"containers": [{"name": "a", "env": None}], "nodeSelector": None, "unheard": None, "volumes": []}
    created = strict_world.create(
        group(spec=template, minReadySeconds=None, metadata={"labels": {"a": None, "b": "c"}})
    )
    worker = created["spec"]["worker"]
    assert "minReadySeconds" not in worker
    assert worker["metadata"] == {"labels": {"b": "c"}}
    assert worker["spec"] == {"containers": [{"name": "a"}], "volumes": [], "unheard": None}


@pytest.mark.parametrize("status", [{"jobStatus": "", "startTime": None}, {"jobStatus": 3}, "none", None], ids=str)
def test_a_status_in_a_create_is_not_looked_at(strict_world: World, status: object) -> None:
    """It is dropped before anything is validated; that of a job's cluster may be anything, too."""
    body = {**_with(job(), "spec.cluster.status", {"phase": ""}), "status": status}
    reply = strict_world.api.create(key_of(body).kind, strict_world.placed(body))
    assert reply.warnings == ()
    assert "status" not in reply.body


def test_an_unknown_field_is_left_out_though_it_is_null(strict_world: World) -> None:
    """Go clients write one into the metadata of a job's cluster."""
    body = _with(job(), "spec.cluster.metadata", {"creationTimestamp": None, "labels": {"a": "b"}})
    reply = strict_world.api.create(key_of(body).kind, strict_world.placed(body))
    assert reply.warnings == ('unknown field "spec.cluster.metadata.creationTimestamp"',)
    assert reply.body["spec"]["cluster"]["metadata"] == {"labels": {"a": "b"}}


def test_quantities_may_be_numbers(strict_world: World) -> None:
    """In the Pods, too, that are made of a template."""
    container = {"name": "a", "image": "i", "resources": {"limits": {"cpu": 1.5, "memory": 4000000000}}}
    volume = {"name": "scratch", "emptyDir": {"sizeLimit": 1000000}}
    spec = {"containers": [container], "volumes": [volume]}
    assert strict_world.create(group(spec=spec))["spec"]["worker"]["spec"] == spec
    assert strict_world.create(manifest(POD, "p", spec))["spec"]["volumes"][0]["name"] == "scratch"


@pytest.mark.parametrize("body", [group(), autoscaler()], ids=lambda body: body["kind"])
def test_a_cluster_cannot_be_exchanged(strict_world: World, body: Manifest) -> None:
    """The cluster of a group or an autoscaler is fixed at its creation."""
    created = strict_world.create(body)
    with pytest.raises(Invalid, match=r"spec.cluster"):
        strict_world.api.patch(key_of(created), {"spec": {"cluster": "other"}})
    strict_world.api.patch(key_of(created), {"spec": {"cluster": "c"}})


@pytest.mark.parametrize(("group_name", "other"), [("g", "h"), ("g", None), (None, "g")])
def test_an_autoscalers_group_cannot_be_exchanged(
    strict_world: World, group_name: str | None, other: str | None
) -> None:
    """Nor be given or taken away, which would be another group too; its bounds may change."""
    created = strict_world.create(autoscaler(workerGroup=group_name))
    with pytest.raises(Invalid, match=r"spec.workerGroup: Invalid value: .*cannot be changed: delete this object"):
        strict_world.api.patch(key_of(created), {"spec": {"workerGroup": other}})
    changed = strict_world.api.patch(key_of(created), {"spec": {"maximum": 11, "workerGroup": group_name}}).body
    assert (changed["spec"]["maximum"], changed["spec"].get("workerGroup")) == (11, group_name)


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"spec": {"worker": {"replicas": -1}}}, "spec.worker.replicas"),
        ({"spec": {"worker": {"replicas": "2"}}}, "spec.worker.replicas"),
        ({"spec": {"worker": {"spec": {"containers": [{}]}}}}, r"containers\[0\].name"),
        ({"spec": {"worker": None}}, "spec.worker: Required value"),
        ({"spec": None}, "spec: Required value"),
    ],
    ids=str,
)
def test_a_patch_is_held_to_the_definitions(strict_world: World, patch: Body, field: str) -> None:
    """What a patch would make of the object is checked, and refused as a whole."""
    created = strict_world.create(group())
    with pytest.raises(Invalid, match=field):
        strict_world.api.patch(key_of(created), patch)
    assert version(strict_world.listing(group())["items"][0]) == version(created)


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"replicas": "one"}, "status.replicas"),
        ({"conditions": [{"type": "Ready", "status": "Perhaps", "reason": "x"}]}, r"conditions\[0\].status"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, r"status.conditions\[0\].reason: Required value"),
        ({"conditions": [{"type": "A", "status": "True", "reason": "x"}] * 2}, r"conditions\[1\]: Duplicate value"),
    ],
    ids=str,
)
def test_a_status_is_held_to_the_definitions(strict_world: World, status: Body, field: str) -> None:
    """What the definition forbids in a status is refused."""
    created = strict_world.create(group())
    with pytest.raises(Invalid, match=field):
        strict_world.api.patch(key_of(created), {"status": status}, "status")
