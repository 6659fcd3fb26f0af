"""A container's environment: what a kubelet would make of the same Pod."""

import os
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.containers.variables import Unavailable, environment, expanded, passed_on
from reconciler.local.files.supplies import Supplies, Supply

ADDRESS = "127.101.0.7"
SETTINGS = Supply(
    "ConfigMap", "here", "settings", {"MODE": b"fast", "a.b": b"dotted", "blob": b"\xff\0"}, frozenset({"blob"})
)
TOKEN = Supply("Secret", "here", "token", {"TOKEN": b"s3cret", "MODE": b"hidden", "raw": b"\xff", "nul": b"a\0b"})
SUPPLIES: Supplies = {(each.kind, each.namespace, each.name): each for each in (SETTINGS, TOKEN)}


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "main", "image": "dask", **fields}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": "worker-1", "namespace": "here", "uid": "1234"}
    return {"metadata": metadata, "spec": {"nodeName": "laptop", "containers": list(containers), **spec}}


def service(name: str, address: str | None, *ports: dict[str, Any], namespace: str = "here") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": list(ports)}}


SCHEDULER = service("simple-cluster-scheduler", "127.101.0.2", {"name": "tcp-comm", "port": 8786}, {"port": 8787})


def made(
    *env: dict[str, Any],
    services: tuple[dict[str, Any], ...] = (),
    spec: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, str]:
    """The environment of a container."""
    main = container(env=list(env), **fields)
    return environment(pod(main, **(spec or {})), main, SUPPLIES, services, ADDRESS)


def refused(*env: dict[str, Any], **fields: Any) -> str:
    """Why a container has no environment."""
    with pytest.raises(Unavailable) as caught:
        made(*env, **fields)
    assert caught.value.reason == "CreateContainerConfigError"
    return str(caught.value)


def var(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def ref(name: str, kind: str, /, **reference: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {kind: reference}}


def test_the_later_source_wins() -> None:
    """The Services' < envFrom < env."""
    x = service("x", "127.101.0.3", {"port": 80})
    assert made(services=(x,))["X_SERVICE_HOST"] == "127.101.0.3"
    bulk = [{"configMapRef": {"name": "settings"}}]
    result = made(var("MODE", "env"), var("X_PORT", "env"), services=(x,), envFrom=bulk)
    assert result["MODE"] == "env"
    assert result["X_PORT"] == "env"
    assert made(envFrom=bulk)["MODE"] == "fast"


class TestServices:
    def test_a_service_is_told_in_both_ways(self) -> None:
        """By Kubernetes' own names and by those of Docker's links; only ports with names have a name."""
        url = "tcp://127.101.0.2:8786"
        prefix = "SIMPLE_CLUSTER_SCHEDULER"
        assert made(services=(SCHEDULER,)) == {
            f"{prefix}_SERVICE_HOST": "127.101.0.2",
            f"{prefix}_SERVICE_PORT": "8786",
            f"{prefix}_SERVICE_PORT_TCP_COMM": "8786",
            f"{prefix}_PORT": url,
            f"{prefix}_PORT_8786_TCP": url,
            f"{prefix}_PORT_8786_TCP_PROTO": "tcp",
            f"{prefix}_PORT_8786_TCP_PORT": "8786",
            f"{prefix}_PORT_8786_TCP_ADDR": "127.101.0.2",
            f"{prefix}_PORT_8787_TCP": "tcp://127.101.0.2:8787",
            f"{prefix}_PORT_8787_TCP_PROTO": "tcp",
            f"{prefix}_PORT_8787_TCP_PORT": "8787",
            f"{prefix}_PORT_8787_TCP_ADDR": "127.101.0.2",
        }

    def test_a_protocol_is_part_of_the_name(self) -> None:
        """A UDP port is no TCP port."""
        result = made(services=(service("dns", "127.101.0.3", {"port": 53, "protocol": "UDP"}),))
        assert result["DNS_PORT"] == result["DNS_PORT_53_UDP"] == "udp://127.101.0.3:53"
        assert result["DNS_PORT_53_UDP_PROTO"] == "udp"

    def test_a_name_that_begins_with_a_digit_gets_an_underscore(self) -> None:
        """No shell could read it else."""
        assert made(services=(service("3-a", "127.101.0.3", {"port": 1}),))["_3_A_SERVICE_PORT"] == "1"

    @pytest.mark.parametrize("address", [None, "", "None"])
    def test_a_headless_service_is_not_told(self, address: str | None) -> None:
        """It has no address, or one without ports."""
        assert made(services=(service("x", address, {"port": 80}), service("y", "127.101.0.3"))) == {}

    def test_another_namespaces_service_is_not_told(self) -> None:
        """Its name could be that of one here."""
        assert made(services=(service("x", "127.101.0.3", {"port": 80}, namespace="elsewhere"),)) == {}

    @pytest.mark.parametrize(("asked", "told"), [(True, True), (None, True), (False, False)])
    def test_a_pod_may_ask_not_to_be_told(self, asked: bool | None, told: bool) -> None:  # noqa: FBT001 - a table
        """`enableServiceLinks: false`."""
        assert bool(made(services=(SCHEDULER,), spec={"enableServiceLinks": asked})) is told


class TestEnvFrom:
    def test_every_text_of_it_becomes_a_variable(self) -> None:
        """But what a ConfigMap holds as binaryData."""
        assert made(envFrom=[{"configMapRef": {"name": "settings"}}]) == {"MODE": "fast", "a.b": "dotted"}

    def test_the_later_one_wins_and_a_prefix_keeps_them_apart(self) -> None:
        """In the order of the list."""
        both = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "plain"}}]
        supplies = {**SUPPLIES, ("Secret", "here", "plain"): Supply("Secret", "here", "plain", {"MODE": b"hidden"})}
        main = container(envFrom=both)
        assert environment(pod(main), main, supplies, (), ADDRESS)["MODE"] == "hidden"
        main = container(envFrom=[both[0], {**both[1], "prefix": "P_"}])
        result = environment(pod(main), main, supplies, (), ADDRESS)
        assert (result["MODE"], result["P_MODE"]) == ("fast", "hidden")

    def test_a_name_that_no_variable_can_have_is_skipped(self) -> None:
        """The rest of it is given."""
        assert made(envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "a="}]) == {}

    @pytest.mark.parametrize("kind", ["configMap", "secret"])
    def test_what_is_not_there_is_waited_for_unless_optional(self, kind: str) -> None:
        """The message is the kubelet's, with a remedy."""
        source = {f"{kind}Ref": {"name": "gone"}}
        assert refused(envFrom=[source]).startswith(f'{kind.lower()} "gone" not found')
        source[f"{kind}Ref"]["optional"] = True  # type: ignore[assignment]  # a manifest holds anything
        assert made(envFrom=[source]) == {}


class TestEnv:
    def test_a_value_may_name_what_is_defined_before_it(self) -> None:
        """Services, envFrom and earlier variables; not later ones, nor what this machine brings."""
        result = made(
            var("LATE", "$(MODE) $(EARLY) $(HOME)"),
            var("EARLY", "1"),
            var("URL", "tcp://$(SIMPLE_CLUSTER_SCHEDULER_SERVICE_HOST):$(PORT)/$$(MODE)"),
            var("AGAIN", "$(LATE)"),
            services=(SCHEDULER,),
            envFrom=[{"configMapRef": {"name": "settings"}}],
        )
        assert result["LATE"] == result["AGAIN"] == "fast $(EARLY) $(HOME)"
        assert result["URL"] == "tcp://127.101.0.2:$(PORT)/$(MODE)"

    def test_a_variable_may_be_redefined_from_itself(self) -> None:
        """As in a shell; so may one that tells of a Service."""
        assert made(var("A", "1"), var("A", "$(A)2")) == {"A": "12"}
        host = "SIMPLE_CLUSTER_SCHEDULER_SERVICE_HOST"
        assert made(var(host, "proxy"), var("URL", f"tcp://$({host})"), services=(SCHEDULER,))["URL"] == "tcp://proxy"

    def test_no_value_is_an_empty_one(self) -> None:
        """As Kubernetes has it."""
        assert made({"name": "A"}, var("B", "")) == {"A": "", "B": ""}

    def test_keys_of_configmaps_and_secrets(self) -> None:
        """Their text, as it is: what looks like a reference is none; bytes that are no text arrive unchanged."""
        result = made(
            ref("MODE", "configMapKeyRef", name="settings", key="MODE"),
            ref("TOKEN", "secretKeyRef", name="token", key="TOKEN"),
            ref("RAW", "secretKeyRef", name="token", key="raw"),
        )
        assert (result["MODE"], result["TOKEN"]) == ("fast", "s3cret")
        assert os.fsencode(result["RAW"]) == b"\xff"
        printed = subprocess.run(["/bin/sh", "-c", "printf %s $RAW"], env=result, stdout=subprocess.PIPE, check=True)
        assert printed.stdout == b"\xff"

    @pytest.mark.parametrize(
        ("kind", "name", "key", "words"),
        [
            ("configMapKeyRef", "gone", "MODE", 'configmap "gone" not found'),
            ("secretKeyRef", "gone", "TOKEN", 'secret "gone" not found'),
            ("configMapKeyRef", "settings", "gone", "couldn't find key gone in ConfigMap here/settings"),
            ("configMapKeyRef", "settings", "blob", "couldn't find key blob in ConfigMap here/settings"),
            ("secretKeyRef", "token", "gone", "couldn't find key gone in Secret here/token"),
        ],
    )
    def test_what_is_not_there_is_waited_for_unless_optional(self, kind: str, name: str, key: str, words: str) -> None:
        """The messages are the kubelet's; an optional variable is left as it was before."""
        assert refused(ref("A", kind, name=name, key=key)).startswith(words)
        assert made(var("A", "before"), ref("A", kind, name=name, key=key, optional=True)) == {"A": "before"}

    def test_a_pod_may_be_asked_of_itself(self) -> None:
        """Its fields and resources; they are not expanded."""
        result = made(
            ref("NAME", "fieldRef", fieldPath="metadata.name"),
            ref("ADDRESS", "fieldRef", fieldPath="status.podIP"),
            ref("CPUS", "resourceFieldRef", resource="limits.cpu"),
            resources={"limits": {"cpu": "1500m"}},
        )
        assert result == {"NAME": "worker-1", "ADDRESS": ADDRESS, "CPUS": "2"}

    def test_what_cannot_be_had_is_named(self) -> None:
        """With what can be had instead."""
        assert "fieldPath spec.containers is none" in refused(ref("A", "fieldRef", fieldPath="spec.containers"))
        words = refused(ref("A", "fileKeyRef", volumeName="v", path="p", key="k"))
        assert "variable A comes from fileKeyRef, which cannot be had here; use value" in words

    def test_what_no_process_could_be_given_is_refused(self) -> None:
        """A NUL byte ends a variable, an equals sign its name."""
        assert "variable A holds a NUL byte" in refused(ref("A", "secretKeyRef", name="token", key="nul"))
        assert "env has the name 'A=B'" in refused(var("A=B", "1"))


LETTERS = {"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}


class TestExpansion:
    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("$(VAR_A)", "A"),
            ("$(VAR_A)_$(VAR_B)_$(VAR_C)_$(VAR_A)", "A_B_C_A"),
            ("$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"),
            ("f000-$$VAR_A", "f000-$VAR_A"),
            ("foo\\$(VAR_C)bar", "foo\\Cbar"),
            ("$(VAR_A$(VAR_B))", "$(VAR_A$(VAR_B))"),
            ("$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"),
            ("%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"),
            ("foo$(VAR_EMPTY)bar", "foobar"),
            ("foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"),
            ("$?_boo_$! $VAR_A ${VAR_A} (VAR_A)", "$?_boo_$! $VAR_A ${VAR_A} (VAR_A)"),
            ("$(VAR_DNE)", "$(VAR_DNE)"),
            ("$$$$$$(VAR_A)", "$$$(VAR_A)"),
            ("$$$$$$$(VAR_A)", "$$$A"),
            ("$(VAR_A)foobarzab$", "Afoobarzab$"),
            ("$(foo$$var)", "$(foo$$var)"),
            ("$(\n)", "$(\n)"),
            ("", ""),
        ],
    )
    def test_kubernetes_own_table(self, text: str, result: str) -> None:
        """What is escaped, unknown or unfinished stays; what a variable brings is not expanded again."""
        assert expanded([text], LETTERS) == (result,)

    @given(st.text(alphabet="$()AB_ \n", max_size=30), st.dictionaries(st.sampled_from("AB"), st.text(max_size=5)))
    def test_it_reads_as_the_kubelet_does_character_by_character(self, text: str, variables: dict[str, str]) -> None:
        """One character after the other, as the kubelet's own reader goes."""
        assert expanded([text], variables) == (slowly_expanded(text, variables),)

    @given(st.text(max_size=50), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
    def test_an_escaped_text_comes_out_as_it_was(self, text: str, variables: dict[str, str]) -> None:
        """`$$` is how any text is written."""
        assert expanded([text.replace("$", "$$")], variables) == (text,)


def slowly_expanded(text: str, variables: dict[str, str]) -> str:
    if not text.startswith("$"):
        return text[:1] + slowly_expanded(text[1:], variables) if text else ""
    if text.startswith("$$"):
        return "$" + slowly_expanded(text[2:], variables)
    if text.startswith("$(") and ")" in text:
        name, _, rest = text[2:].partition(")")
        return variables.get(name, f"$({name})") + slowly_expanded(rest, variables)
    return "$" + slowly_expanded(text[1:], variables)


PASSED = """
HOME USER LOGNAME SHELL LANG LC_ALL LC_CTYPE TZ TMPDIR PATH VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV LD_LIBRARY_PATH
DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE http_proxy HTTPS_PROXY
no_proxy NO_PROXY all_proxy
"""
KEPT = """
DASK_CONFIG DASK_DISTRIBUTED__X DASK_HTTP_PROXY KUBECONFIG KUBERNETES_SERVICE_HOST KUBE_PROXY PYTHONPATH PYTHONHOME
PYTHON_PROXY AWS_SECRET_ACCESS_KEY GITHUB_TOKEN HOSTNAME PWD OLDPWD LANGUISH HOMEPAGE MYPATH LD_PRELOAD LOCAL_POD_RUN
"""


@pytest.mark.parametrize("name", PASSED.split())
def test_what_stands_in_for_the_image_is_passed_on(name: str) -> None:
    """The environment's programs and libraries, the user's language, the way to the network."""
    assert passed_on({name: "x"}) == {name: "x"}


@pytest.mark.parametrize("name", KEPT.split())
def test_nothing_else_of_this_machine_is_passed_on(name: str) -> None:
    """What no container would see would make a cluster differ by laptop; secrets are nobody's business."""
    assert passed_on({name: "x"}) == {}
