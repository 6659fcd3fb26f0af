"""The manifests in deploy/, the Dockerfile and the release agree with each other and ask for little."""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import reconciler
from models.kinds import CUSTOM_KINDS
from reconciler.daemon.settings import DEFAULT_PORT, ENVIRONMENT_PREFIX, Settings
from tests.realcluster import RealCluster

REPOSITORY = Path(__file__).parents[3]
BASE = REPOSITORY / "deploy" / "base"
ONE_NAMESPACE = REPOSITORY / "deploy" / "one-namespace"
KUSTOMIZATIONS = ("kustomization.yaml", "Kustomization")

Object = dict[str, Any]

CUSTOM_VERBS = {
    "daskclusters": "list watch create patch delete",
    "daskworkergroups": "list watch create patch delete",
    "daskjobs": "list watch patch",
    "daskautoscalers": "list watch patch delete",
    "daskclusters/status": "patch",
    "daskworkergroups/status": "patch",
    "daskjobs/status": "patch",
    "daskautoscalers/status": "patch",
    "daskclusters/finalizers": "update",
    "daskworkergroups/finalizers": "update",
    "daskjobs/finalizers": "update",
}
CORE_VERBS = {
    "pods": "list watch create patch delete",
    "services": "list watch create patch",
    "events": "create",
    "namespaces": "list",
}
RIGHTS = {
    **{("kubernetes.dask.org", resource): set(verbs.split()) for resource, verbs in CUSTOM_VERBS.items()},
    **{("", resource): set(verbs.split()) for resource, verbs in CORE_VERBS.items()},
    ("policy", "poddisruptionbudgets"): {"list", "create", "patch", "delete"},
}

HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC")
VOLUME_TYPES = {"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}


def kustomization(folder: Path) -> Object:
    (file,) = (folder / name for name in KUSTOMIZATIONS if (folder / name).exists())
    loaded: Object = yaml.safe_load(file.read_text())
    return loaded


def resources(folder: Path) -> Iterator[Object]:
    for name in kustomization(folder)["resources"]:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from resources(path)
        else:
            yield from yaml.load_all(path.read_text(), yaml.CSafeLoader)


@cache
def base() -> tuple[Object, ...]:
    return tuple(resources(BASE))


def the(kind: str) -> Object:
    (found,) = (each for each in base() if each["kind"] == kind)
    return found


def pod() -> Object:
    spec: Object = the("Deployment")["spec"]["template"]["spec"]
    return spec


def container() -> Object:
    (found,) = pod()["containers"]
    assert isinstance(found, dict)
    return found


def rights() -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in the("ClusterRole")["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}, rule
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


@pytest.fixture
def one_namespace(api_server: RealCluster) -> list[Object]:
    """What kubectl makes of the overlay."""
    return list(yaml.safe_load_all(api_server.kubectl("kustomize", str(ONE_NAMESPACE))))


@pytest.mark.parametrize("field", HOST_FIELDS)
def test_the_pod_shares_nothing_with_its_host(field: str) -> None:
    """Pod Security, baseline: the namespaces of the host stay closed."""
    assert not pod().get(field)


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("allowPrivilegeEscalation", (False,)),
        ("privileged", (None, False)),
        ("capabilities", ({"drop": ["ALL"]},)),
        ("procMount", (None, "Default")),
        ("readOnlyRootFilesystem", (True,)),
        ("runAsNonRoot", (None, True)),
        ("runAsUser", (None,)),
        ("seccompProfile", (None, {"type": "RuntimeDefault"})),
    ],
)
def test_the_container_is_restricted(field: str, allowed: tuple[Any, ...]) -> None:
    """Pod Security, restricted, field by field of the container; a read-only root besides."""
    assert container()["securityContext"].get(field) in allowed


@pytest.mark.parametrize(
    ("field", "allowed"),
    [
        ("runAsNonRoot", (True,)),
        ("runAsUser", (None,)),
        ("seccompProfile", ({"type": "RuntimeDefault"},)),
        ("supplementalGroups", (None,)),
        ("sysctls", (None,)),
    ],
)
def test_the_pod_is_restricted(field: str, allowed: tuple[Any, ...]) -> None:
    """Pod Security, restricted, field by field of the Pod; the user is the image's."""
    assert pod()["securityContext"].get(field) in allowed


def test_the_pod_has_no_volume_of_the_host() -> None:
    """Pod Security, restricted: only volumes that come from the API, or are empty, and no port of the host."""
    assert all(set(volume) <= VOLUME_TYPES for volume in pod().get("volumes", []))
    assert not any("hostPort" in port for port in container()["ports"])


def test_the_namespace_enforces_what_the_pod_fulfils() -> None:
    """Nothing less restricted than the daemon can run beside it."""
    assert the("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_image_runs_as_a_numbered_user() -> None:
    """`runAsNonRoot` refuses a user that is a name: the kubelet cannot know that it is not root's."""
    (user,) = (line.split()[1] for line in dockerfile() if line.startswith("USER "))
    assert all(part.isdecimal() and int(part) > 0 for part in user.split(":"))


@pytest.mark.parametrize(("probe", "path"), [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")])
def test_a_probe_asks_the_daemons_own_port(probe: str, path: str) -> None:
    """Probes, metrics, the Service and the image all mean the port on which the daemon serves by default."""
    asked = container()[probe]["httpGet"]
    assert asked["path"] == path
    assert ports()[asked["port"]] == DEFAULT_PORT


def test_the_service_and_prometheus_find_the_metrics() -> None:
    """The Service selects the Pod, and both it and the annotations name the port of the daemon."""
    service, template = the("Service")["spec"], the("Deployment")["spec"]["template"]["metadata"]
    assert service["selector"].items() <= template["labels"].items()
    assert [(port["name"], ports()[port["targetPort"]]) for port in service["ports"]] == [
        ("http-metrics", DEFAULT_PORT)
    ]
    assert template["annotations"]["prometheus.io/port"] == str(DEFAULT_PORT)
    assert template["annotations"]["prometheus.io/path"] == "/metrics"
    assert f"EXPOSE {DEFAULT_PORT}" in dockerfile()


def test_the_pod_is_given_time_to_finish_a_pass() -> None:
    """A signal's grace outlasts the time that the daemon allows a pass to end."""
    assert pod()["terminationGracePeriodSeconds"] > Settings().stop_timeout


def test_no_variable_of_a_service_looks_like_a_setting() -> None:
    """Our Service is called like our prefix, so Kubernetes would set variables with it."""
    prefix = the("Service")["metadata"]["name"].upper().replace("-", "_") + "_"
    assert prefix == ENVIRONMENT_PREFIX
    assert pod()["enableServiceLinks"] is False


def test_the_role_grants_what_the_daemon_does_and_no_more() -> None:
    """Every right is one that a stage uses: no wildcard, no Secrets, no exec, no nodes."""
    assert rights() == RIGHTS


def test_secrets_are_read_by_name_alone_and_only_where_that_is_granted_apart() -> None:
    """Neither listed nor watched: whoever may list Secrets has them all."""
    role, binding = resources(REPOSITORY / "deploy" / "tls")
    assert role["kind"] == "Role"
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["dask-tls"], "verbs": ["get"]}
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == the("ClusterRoleBinding")["subjects"]


def test_the_deployment_selects_its_own_pods() -> None:
    """A Deployment whose selector misses its template is refused."""
    spec = the("Deployment")["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_the_binding_joins_a_role_and_an_account_that_exist() -> None:
    """The daemon has its rights through its own account, not the namespace's default one."""
    binding, account = the("ClusterRoleBinding"), the("ServiceAccount")["metadata"]["name"]
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (
        "ClusterRole",
        the("ClusterRole")["metadata"]["name"],
    )
    namespace = the("Namespace")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    assert pod()["serviceAccountName"] == account
    assert kustomization(BASE)["namespace"] == namespace


def test_the_base_installs_every_kind() -> None:
    """The CRDs come with the daemon, all of them."""
    crds = {each["metadata"]["name"] for each in base() if each["kind"] == "CustomResourceDefinition"}
    assert crds == {f"{kind.plural}.{kind.group}" for kind in CUSTOM_KINDS}


def test_the_image_is_that_of_this_version() -> None:
    """A checkout installs the release that it is."""
    (image,) = kustomization(BASE)["images"]
    assert image == {"name": container()["image"], "newTag": reconciler.__version__}


def test_the_image_is_made_of_what_exists() -> None:
    """What the Dockerfile copies is there, gets past .dockerignore and is all that the wheel packs."""
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    copied = [
        path
        for line in dockerfile()
        if line.startswith("COPY ") and "--from" not in line
        for path in line.split()[1:-1]
    ]
    assert {f"!{path}" for path in copied} == {line for line in ignored if line.startswith("!")}
    assert all((REPOSITORY / path).exists() for path in copied), copied
    packed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packed["packages"]) <= set(copied)


def test_in_one_namespace_nothing_reaches_beyond_it(one_namespace: list[Object]) -> None:
    """The overlay makes only namespaced objects, all in one namespace, for the account in it."""
    namespace = kustomization(ONE_NAMESPACE)["namespace"]
    kinds = sorted(each["kind"] for each in one_namespace)
    assert kinds == ["Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"]
    assert {each["metadata"]["namespace"] for each in one_namespace} == {namespace}
    (binding,) = (each for each in one_namespace if each["kind"] == "RoleBinding")
    assert (binding["roleRef"]["kind"], binding["subjects"][0]["namespace"]) == ("Role", namespace)


def test_in_one_namespace_the_daemon_looks_only_there(one_namespace: list[Object]) -> None:
    """The setting for namespaces is the Pod's own, so there is one place to change."""
    (deployment,) = (each for each in one_namespace if each["kind"] == "Deployment")
    (variable,) = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable["name"].removeprefix(ENVIRONMENT_PREFIX).lower() in Settings.model_fields
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}


def test_in_one_namespace_the_rights_are_the_same(one_namespace: list[Object]) -> None:
    """There is one list of rights, whatever it is bound to."""
    (role,) = (each for each in one_namespace if each["kind"] == "Role")
    assert role["rules"] == the("ClusterRole")["rules"]


def ports() -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container()["ports"]}


def dockerfile() -> list[str]:
    return (REPOSITORY / "Dockerfile").read_text().splitlines()
