"""Which containers, probes and numbers the API server refuses in a Pod, and in which words."""

import pytest

from reconciler.wire.errors import Invalid
from reconciler.wire.protocol import Body
from tests.contract.world import World, key_of, pod, running_pod


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ports": [{}]}, r"ports\[0\].containerPort: Required value"),
        (
            {"ports": [{"containerPort": 65536}]},
            r"ports\[0\].containerPort: Invalid value: 65536: must be between 1 and",
        ),
        ({"ports": [{"containerPort": 80, "name": "A"}]}, r'ports\[0\].name: Invalid value: "A": must contain only'),
        (
            {"ports": [{"containerPort": 80, "name": "a" * 16}]},
            r'ports\[0\].name: Invalid value: "a{16}": must be no more than 15 characters',
        ),
        (
            {"ports": [{"containerPort": number, "name": "a"} for number in (80, 81)]},
            r'ports\[1\].name: Duplicate value: "a"',
        ),
        (
            {"ports": [{"containerPort": 80, "protocol": "HTTP"}]},
            r'ports\[0\].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
        ),
        ({"env": [{"value": "x"}]}, r"env\[0\].name: Required value"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, r'volumeMounts\[0\].name: Not found: "v"'),
        ({"volumeMounts": [{"name": "known"}]}, r"volumeMounts\[0\].mountPath: Required value"),
        ({"volumeMounts": [{"mountPath": "/v"}]}, r"volumeMounts\[0\].name: Required value"),
        (
            {"volumeMounts": [{"name": "known", "mountPath": "/v"}] * 2},
            r'volumeMounts\[1\].mountPath: Invalid value: "/v": must be unique',
        ),
    ],
)
def test_a_container_that_could_not_run_is_refused(world: World, fields: Body, message: str) -> None:
    """What a container asks for must be complete and possible; the message names the field."""
    containers = [{"name": "main", "image": "dask", **fields}]
    with pytest.raises(Invalid, match=rf"spec.containers\[0\].{message}"):
        world.create(pod(containers=containers, volumes=[{"name": "known", "emptyDir": {}}]))


@pytest.mark.parametrize(
    ("volumes", "message"),
    [
        ([{"emptyDir": {}}], r"spec.volumes\[0\].name: Required value"),
        ([{"name": "A_", "emptyDir": {}}], r'spec.volumes\[0\].name: Invalid value: "A_"'),
        ([{"name": "a", "emptyDir": {}}] * 2, r'spec.volumes\[1\].name: Duplicate value: "a"'),
    ],
)
def test_volumes_have_names_of_their_own(world: World, volumes: list[Body], message: str) -> None:
    """A volume needs a name that no other volume of its Pod has."""
    with pytest.raises(Invalid, match=message):
        world.create(pod(volumes=volumes))


PROBE: Body = {"exec": {"command": ["true"]}}


@pytest.mark.parametrize(
    ("probe", "fields", "message"),
    [
        *(
            ("readiness", {**PROBE, field: -1}, rf".{field}: Invalid value: -1: must be greater than or equal to 0")
            for field in (
                "initialDelaySeconds",
                "timeoutSeconds",
                "periodSeconds",
                "successThreshold",
                "failureThreshold",
            )
        ),
        *(
            (probe, {**PROBE, "successThreshold": 2}, r".successThreshold: Invalid value: 2: must be 1")
            for probe in ("liveness", "startup")
        ),
        (
            "liveness",
            {**PROBE, "terminationGracePeriodSeconds": 0},
            r".terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
        ),
        (
            "readiness",
            {**PROBE, "terminationGracePeriodSeconds": 5},
            r".terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes",
        ),
        ("readiness", {"periodSeconds": 5}, r": Required value: must specify a handler type"),
        (
            "readiness",
            {**PROBE, "tcpSocket": {"port": 80}},
            r".tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        ("readiness", {"exec": {}}, r".exec.command: Required value"),
        ("readiness", {"tcpSocket": {"port": 0}}, r".tcpSocket.port: Invalid value: 0: must be between 1 and 65535"),
        ("readiness", {"tcpSocket": {}}, r".tcpSocket.port: Invalid value: 0: must be between 1 and 65535"),
        ("readiness", {"httpGet": {"port": "A_"}}, r'.httpGet.port: Invalid value: "A_": must contain only'),
        (
            "readiness",
            {"httpGet": {"port": 80, "scheme": "FTP"}},
            r'.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
        ),
    ],
)
def test_a_probe_that_could_not_be_made_is_refused(world: World, probe: str, fields: Body, message: str) -> None:
    """A probe has one handler and numbers that make sense; the message names the field."""
    containers = [{"name": "main", "image": "dask", f"{probe}Probe": fields}]
    with pytest.raises(Invalid, match=rf"spec.containers\[0\].{probe}Probe{message}"):
        world.create(pod(containers=containers))


def test_what_means_nothing_in_a_probe_is_taken(world: World) -> None:
    """A probe's 0 stands for the default, and a port's name need not be one of the container's."""
    zeros = {"initialDelaySeconds": 0, "timeoutSeconds": 0, "periodSeconds": 0, "successThreshold": 0}
    probe = {"httpGet": {"port": "nowhere"}, **zeros, "failureThreshold": 0}
    containers = [{"name": "main", "image": "dask", "livenessProbe": probe}]
    assert world.create(pod(containers=containers))["status"]["phase"] == "Pending"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"livenessProbe": PROBE}, r".livenessProbe: Forbidden: may not be set for init containers without"),
        (
            {"restartPolicy": "Always", "startupProbe": {}},
            r".startupProbe: Required value: must specify a handler type",
        ),
    ],
)
def test_an_init_container_has_probes_only_if_it_stays(world: World, fields: Body, message: str) -> None:
    """Probes are for init containers with restartPolicy Always; others end by themselves."""
    initial = [{"name": "before", "image": "dask", **fields}]
    with pytest.raises(Invalid, match=rf"spec.initContainers\[0\]{message}"):
        world.create(pod(initContainers=initial))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (
            {"containers": [{"name": "main", "image": "i", "livenessProbe": {**PROBE, "periodSeconds": 2**31}}]},
            "livenessProbe.periodSeconds of type int32",
        ),
        (
            {"containers": [{"name": "main", "image": "i", "ports": [{"containerPort": -(2**31) - 1}]}]},
            "ports.containerPort of type int32",
        ),
        ({"terminationGracePeriodSeconds": 2**63}, "terminationGracePeriodSeconds of type int64"),
    ],
)
def test_a_number_that_does_not_fit_is_refused(world: World, spec: Body, field: str) -> None:
    """A number that Kubernetes cannot keep is an error, which names the field and its type."""
    with pytest.raises(Invalid, match=rf"cannot be handled as a Pod: .*cannot unmarshal number .*{field}"):
        world.create(pod(**spec))


def test_a_grace_may_be_longer_than_any_life(world: World) -> None:
    """Whatever number fits is taken as a Pod's grace, and the Pod can still be asked to go."""
    created = world.create(running_pod(terminationGracePeriodSeconds=2**62))
    key = key_of(created)
    gone = world.api.delete(key, created["metadata"]["uid"]).body
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 2**62
    world.end(key)
