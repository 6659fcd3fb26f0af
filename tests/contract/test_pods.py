"""What the API server does to Pods."""

import pytest

from models.kinds import POD
from reconciler.wire.errors import Invalid
from reconciler.wire.protocol import Body
from tests.contract.world import GATE, World, generation, key_of, pod, running_pod, version
from tests.manifests import Manifest


def spec(body: Body, *left_out: str) -> Body:
    """A Pod's spec without what admission adds on a real server."""
    admitted = ("tolerations", "priority", "preemptionPolicy", "serviceAccount", "serviceAccountName", "volumes")
    return {key: value for key, value in body["spec"].items() if key not in (*admitted, *left_out)}


def test_a_new_pod_is_pending(world: World) -> None:
    """A Pod starts in phase Pending, without conditions."""
    status = world.create(pod())["status"]
    assert status["phase"] == "Pending"
    assert "conditions" not in status


def test_a_gated_pod_says_so(world: World) -> None:
    """A Pod with scheduling gates starts with a condition PodScheduled that is False, as it is after they are gone."""
    created = world.create(pod(schedulingGates=[GATE]))
    (condition,) = created["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "SchedulingGated")
    opened = world.api.patch(key_of(created), {"spec": {"schedulingGates": None}}).body
    assert opened["status"]["conditions"] == [condition]


def test_defaults_of_a_pod(world: World) -> None:
    """What a Pod's spec leaves out is filled in."""
    assert spec(world.create(pod()), "containers") == {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("dask", "Always"),
        ("dask:latest", "Always"),
        ("example.com:5000/a/dask", "Always"),
        ("dask:1.2", "IfNotPresent"),
        ("example.com:5000/a/dask:1.2", "IfNotPresent"),
        (f"dask@sha256:{'0' * 64}", "IfNotPresent"),
    ],
)
def test_defaults_of_a_container(world: World, image: str, policy: str) -> None:
    """What a container leaves out is filled in; images without a tag, or `latest`, are always pulled."""
    (container,) = world.create(pod(containers=[{"name": "main", "image": image}]))["spec"]["containers"]
    container.pop("volumeMounts", None)  # a service account's token, on a real server
    assert container == {
        "name": "main",
        "image": image,
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": policy,
    }


def test_what_a_pod_says_is_kept(world: World) -> None:
    """Defaults don't touch what the Pod says; nulls are as good as nothing."""
    said: Body = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "dnsPolicy": "Default",
        "nodeSelector": None,
    }
    containers = [{"name": "main", "image": "dask", "imagePullPolicy": "Never", "args": ["a"], "env": None}]
    created = world.create(pod(**said, containers=containers))
    assert {key: created["spec"].get(key) for key in said} == said
    assert created["spec"]["containers"][0]["args"] == ["a"]
    assert created["spec"]["containers"][0]["imagePullPolicy"] == "Never"
    assert created["spec"].keys().isdisjoint({"nodeSelector"})
    assert created["spec"]["containers"][0].keys().isdisjoint({"env"})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (pod(containers=[]), r"spec.containers: Required value"),
        ({**pod(), "spec": {}}, r"spec.containers: Required value"),
        (pod(containers=[{"name": "a"}]), r"spec.containers\[0\].image: Required value"),
        (pod(containers=[{"image": "i"}]), r"spec.containers\[0\].name: Required value"),
        (pod(containers=[{"name": "A_", "image": "i"}]), r'spec.containers\[0\].name: Invalid value: "A_"'),
        (pod(containers=[{"name": "a", "image": "i"}] * 2), r'spec.containers\[1\].name: Duplicate value: "a"'),
        (pod(initContainers=[{"name": "a"}]), r"spec.initContainers\[0\].image: Required value"),
        (
            pod(initContainers=[{"name": "main", "image": "i"}]),
            r'spec.initContainers\[0\].name: Duplicate value: "main"',
        ),
        (
            pod(initContainers=[{"name": "a", "image": "i"}] * 2),
            r'spec.initContainers\[1\].name: Duplicate value: "a"',
        ),
        (pod(restartPolicy="Sometimes"), r'spec.restartPolicy: Unsupported value: "Sometimes"'),
        *(
            (
                pod(activeDeadlineSeconds=seconds),
                rf"spec.activeDeadlineSeconds: Invalid value: {seconds}: must be between 1 and 2147483647",
            )
            for seconds in (0, -1, 2**31)
        ),
        (running_pod(schedulingGates=[GATE]), r"spec.nodeName: Forbidden: cannot be set until all schedulingGates"),
    ],
)
def test_a_pod_that_could_not_run_is_refused(world: World, body: Manifest, field: str) -> None:
    """A Pod needs containers with names and images; the message names the field."""
    with pytest.raises(Invalid, match=rf'Pod "p" is invalid: .*{field}'):
        world.create(body)
    assert world.names(body) == []


@pytest.mark.parametrize(
    "body",
    [
        pod(containers="none"),
        pod(containers=[{"name": "a", "image": 5}]),
        pod(containers=[{"name": "a", "image": "i", "env": [{"name": "x", "value": 5}]}]),
        pod(nodeSelector={"a": 1}),
        pod(terminationGracePeriodSeconds="5"),
    ],
    ids=lambda body: str(body["spec"]),
)
def test_a_value_of_the_wrong_type_is_refused(strict_world: World, body: Manifest) -> None:
    """A number where a string belongs, and the like, is an error."""
    with pytest.raises(Invalid, match="cannot be handled as a Pod"):
        strict_world.create(body)


def test_an_unknown_field_comes_back_as_a_warning(strict_world: World) -> None:
    """What Kubernetes does not know in a Pod is left out, with a warning that names the field."""
    containers = [{"name": "main", "image": "dask", "imagePulPolicy": "Never"}]
    reply = strict_world.api.create(POD, strict_world.placed(pod(containers=containers, unheard="of")))
    expected = {'unknown field "spec.containers[0].imagePulPolicy"', 'unknown field "spec.unheard"'}
    assert expected <= set(reply.warnings)
    assert "unheard" not in reply.body["spec"]
    assert "imagePulPolicy" not in reply.body["spec"]["containers"][0]


@pytest.mark.parametrize(
    "patch",
    [
        {"restartPolicy": "Never"},
        {"nodeSelector": {"a": "b"}},
        {"nodeName": "another"},
        {"terminationGracePeriodSeconds": 5},
        {"containers": [{"name": "main", "image": "dask", "args": ["x"]}]},
        {"containers": [{"name": "other", "image": "dask"}]},
        {"containers": [{"name": "main", "image": "dask"}, {"name": "more", "image": "dask"}]},
        {"schedulingGates": [GATE]},
        {"tolerations": []},
        {"activeDeadlineSeconds": 101},
        {"activeDeadlineSeconds": None},
    ],
    ids=str,
)
def test_most_of_a_pod_never_changes(world: World, patch: Body) -> None:
    """A change to a Pod's spec is refused as Invalid and leaves it as it was."""
    body = pod(activeDeadlineSeconds=100, tolerations=[{"key": "a", "operator": "Exists"}], nodeName="a-node")
    created = world.create(body)
    with pytest.raises(Invalid, match=r'Pod "p" is invalid: .*spec'):
        world.api.patch(key_of(created), {"spec": patch})
    assert version(world.listing(body)["items"][0]) == version(created)


def test_what_of_a_pod_may_change(world: World) -> None:
    """An image may change, a deadline shrink, tolerations grow; each counts as a generation."""
    created = world.create(pod())
    key = key_of(created)
    (container,) = created["spec"]["containers"]
    tolerations = [*created["spec"].get("tolerations", []), {"key": "a", "operator": "Exists"}]
    changes: list[Body] = [
        {"containers": [{**container, "image": "dask:other"}]},
        {"activeDeadlineSeconds": 100},
        {"activeDeadlineSeconds": 50},
        {"tolerations": tolerations},
    ]
    for number, change in enumerate(changes, start=2):
        changed = world.api.patch(key, {"spec": change}).body
        assert generation(changed) == number
    assert changed["spec"]["containers"][0]["image"] == "dask:other"
    assert changed["spec"]["activeDeadlineSeconds"] == 50


def test_metadata_and_status_are_no_generation(world: World) -> None:
    """A Pod's generation counts changes to its spec only."""
    key = key_of(world.create(pod()))
    world.api.patch(key, {"metadata": {"labels": {"a": "b"}}})
    assert generation(world.api.patch(key, {"status": {"phase": "Running"}}, "status").body) == 1


@pytest.mark.parametrize("opened", [None, []])
def test_scheduling_gates_can_only_be_removed(world: World, opened: object) -> None:
    """Gates may go, with null or an empty list, one by one; none may come back."""
    other = {"name": "example.com/other"}
    key = key_of(world.create(pod(schedulingGates=[GATE, other])))
    fewer = world.api.patch(key, {"spec": {"schedulingGates": [other]}}).body
    assert (fewer["spec"]["schedulingGates"], generation(fewer)) == ([other], 2)
    with pytest.raises(Invalid, match=r"spec.schedulingGates\[0\].name: Forbidden: only deletion is allowed"):
        world.api.patch(key, {"spec": {"schedulingGates": [GATE]}})
    open_ = world.api.patch(key, {"spec": {"schedulingGates": opened}}).body
    assert "schedulingGates" not in open_["spec"]
    assert generation(open_) == 3


def test_a_gated_pod_may_be_narrowed(world: World) -> None:
    """While a Pod is gated, its node selector may get more keys, but none may change."""
    key = key_of(world.create(pod(schedulingGates=[GATE], nodeSelector={"a": "1"})))
    narrowed = world.api.patch(key, {"spec": {"nodeSelector": {"b": "2"}}}).body
    assert narrowed["spec"]["nodeSelector"] == {"a": "1", "b": "2"}
    with pytest.raises(Invalid, match="spec"):
        world.api.patch(key, {"spec": {"nodeSelector": {"a": "2"}}})
