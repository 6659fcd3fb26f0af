"""Where Services lead: the Pods and ports that answer for them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kinds import SERVICE, Key
from reconciler.local.network.addresses import Place
from reconciler.local.network.routes import Route, dead_ends, routes
from reconciler.wire.protocol import Body

KEY = Key(SERVICE, "default", "web")
COMM = {"name": "comm", "containerPort": 8786}


def service(*ports: Any, **spec: Any) -> Body:
    """A Service for everything that is labelled `app: web`."""
    metadata = {"namespace": "default", "name": "web", "uid": "u"}
    return {"metadata": metadata, "spec": {"selector": {"app": "web"}, "ports": [*ports], **spec}}


def pod(address: str = "127.100.0.2", ready: str = "True", *, ports: Sequence[Body] = (COMM,), **metadata: Any) -> Body:
    """A Pod that answers for the Service."""
    return {
        "metadata": {"namespace": "default", "name": "p", "labels": {"app": "web", "more": "1"}, **metadata},
        "spec": {"containers": [{"name": "main"}, {"name": "more", "ports": [*ports]}]},
        "status": {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": ready}]},
    }


def ended(pod: Body) -> Body:
    """The Pod after its containers have."""
    return {**pod, "status": {**pod["status"], "phase": "Succeeded"}}


def route(service: Body, *pods: Body) -> Route:
    """Where it leads."""
    return routes([service], pods)[KEY]


@pytest.mark.parametrize(
    ("port", "places"),
    [
        ({"port": 80}, {80: 80}),
        ({"port": 80, "targetPort": 8786}, {80: 8786}),
        ({"port": 80, "targetPort": "comm"}, {80: 8786}),
        ({"port": 80, "targetPort": 0}, {80: 80}),
        ({"port": 80, "targetPort": "nobody"}, {80: None}),
        ({"port": 80, "targetPort": 1 << 16}, {80: None}),
        ({"port": 80, "protocol": "TCP"}, {80: 80}),
        ({"port": 80, "protocol": "UDP"}, {}),
        ({"port": 80, "protocol": "SCTP"}, {}),
        ({"port": 0}, {}),
        ({"port": 1 << 16}, {}),
        ({"port": "80"}, {}),
        ({"port": True}, {}),
        ({}, {}),
    ],
)
def test_a_port_leads_to_its_target_port(port: Body, places: Mapping[int, int | None]) -> None:
    """A number, the name of a container's port, or the port itself; what is no TCP port is left out."""
    found = {each.port: each.endpoints for each in route(service(port), pod()).ports}
    assert found == {number: (("127.100.0.2", to),) if to else () for number, to in places.items()}


def test_a_named_target_port_is_looked_up_in_each_pod() -> None:
    """Two versions of a program may listen on different ports; a Pod without it does not answer."""
    pods = (
        pod("127.100.0.2"),
        pod("127.100.0.3", ports=({"name": "comm", "containerPort": 1234},)),
        pod("127.100.0.4", ports=({"name": "comm", "containerPort": 53, "protocol": "UDP"},)),
        pod("127.100.0.5", ports=(COMM, {"name": "comm", "containerPort": 4321})),
    )
    expected: tuple[Place, ...] = (("127.100.0.2", 8786), ("127.100.0.3", 1234), ("127.100.0.5", 8786))
    assert route(service({"port": 80, "targetPort": "comm"}), *pods).endpoints(80) == expected


@pytest.mark.parametrize(
    ("one", "spec", "answers"),
    [
        (pod(), {}, True),
        (pod(labels={"app": "other"}), {}, False),
        (pod(labels={}), {}, False),
        (pod(namespace="other"), {}, False),
        (pod(), {"selector": {"app": "web", "role": "x"}}, False),
        (pod(), {"selector": {}}, False),
        (pod(), {"selector": None}, False),
        (pod(ready="False"), {}, False),
        (pod(ready="Unknown"), {}, False),
        (pod(ready="False"), {"publishNotReadyAddresses": True}, True),
        (pod(deletionTimestamp="2026-01-31T12:00:00Z"), {}, False),
        (pod(deletionTimestamp="2026-01-31T12:00:00Z"), {"publishNotReadyAddresses": True}, False),
        (ended(pod()), {"publishNotReadyAddresses": True}, False),
        (pod(address=""), {}, False),
        (pod(address="not an address"), {}, False),
    ],
)
def test_the_pods_that_answer_are_selected_ready_and_not_ending(one: Body, spec: Body, *, answers: bool) -> None:
    """Of all others a Service knows nothing."""
    found = route(service({"port": 80}, **spec), one)
    assert (found.first, found.endpoints(80)) == (("127.100.0.2", (("127.100.0.2", 80),)) if answers else (None, ()))


@pytest.mark.parametrize(("address", "headless"), [("None", True), ("10.0.0.1", False), (None, False)])
def test_a_service_without_an_address_is_headless(address: str | None, *, headless: bool) -> None:
    """That is what `clusterIP: None` says."""
    assert route(service({"port": 80}, clusterIP=address)).headless == headless


def test_an_external_name_is_left_out() -> None:
    """It is about names elsewhere."""
    assert routes([service({"port": 80}, type="ExternalName", externalName="example.org")], [pod()]) == {}


def test_of_ports_with_the_same_number_the_first_counts() -> None:
    """The API would not let the second in."""
    found = route(service({"port": 80, "name": "a"}, {"port": 80, "name": "b"}, {"port": 81}), pod())
    assert [(port.name, port.port) for port in found.ports] == [("a", 80), ("", 81)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.sampled_from(["selector", "ports", "type", "clusterIP", "publishNotReadyAddresses"])


@given(st.dictionaries(FIELDS, JSON), JSON, st.dictionaries(st.sampled_from(["spec", "status", "metadata"]), JSON))
def test_whatever_is_written_in_one_object_the_others_are_followed(spec: Body, port: Any, changed: Body) -> None:
    """No Service and no Pod can be so wrong that another one suffers."""
    odd = service(port)
    odd["metadata"]["name"] = "odd"
    odd["spec"] |= spec
    found = routes([odd, service({"port": 80})], [{**pod(), **changed}, pod("127.100.0.9")])
    assert ("127.100.0.9", 80) in found[KEY].endpoints(80)


@pytest.mark.parametrize(
    ("pods", "there"),
    [
        ([pod()], "these names: comm"),
        ([pod(ready="False")], "these names: comm"),
        ([pod(ports=[COMM, {"name": "apart", "containerPort": 1}])], "these names: apart, comm"),
        ([pod(ports=[])], "no names"),
    ],
)
def test_a_target_port_whose_name_no_container_has_is_told(pods: Sequence[Body], there: str) -> None:
    """With the Service, the port, the name, and those that there are; otherwise people only see that nobody answers."""
    odd = service({"port": 80, "targetPort": "com"}, {"port": 81, "targetPort": 81}, {"port": 82})
    [words] = dead_ends([odd], pods)
    assert words.startswith(
        'Service default/web: port 80 leads nowhere: its targetPort is "com", and the ports of its '
    )
    assert words.endswith(f"Pods' containers have {there}; write another, or a number.")


@pytest.mark.parametrize(
    ("port", "pods"),
    [
        ({"port": 80, "targetPort": "comm"}, [pod()]),
        ({"port": 80, "targetPort": "com"}, []),
        ({"port": 80, "targetPort": "com"}, [pod(labels={"app": "other"})]),
        ({"port": 80, "targetPort": "com", "protocol": "UDP"}, [pod()]),
        ("80", [pod()]),
    ],
)
def test_a_port_that_leads_somewhere_or_cannot_be_judged_yet_is_not_told(port: Any, pods: Sequence[Body]) -> None:
    """Before there are Pods, nobody knows their names."""
    assert dead_ends([service(port)], pods) == ()
