"""Where the API server is looked for, and how a configuration that is wrong is told."""

import os
import stat
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.kinds import POD
from reconciler.api import NoCluster, connect
from reconciler.api.credentials import BEARER, configuration
from reconciler.wire.errors import Unreachable
from tests.http.connection import TOKEN, connected, kubeconfig
from tests.http.rawserver import RawServer, answer

LIST = b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a `.kube`, in an environment that names no cluster."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return tmp_path


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    """What a Pod has of its service account."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "ca.crt").write_text("certificate")
    (folder / "token").write_text("first\n")
    return folder


IN_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


def why_not(context: str | None = None, kubeconfig: Path | str | None = None, **more: Any) -> str:
    """The message that there is no cluster; neither it nor the traceback may hold a secret."""
    with pytest.raises(NoCluster) as caught:
        configuration(context, str(kubeconfig) if kubeconfig else None, **more)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_a_pods_service_account_is_used_inside_a_pod(pod: Path) -> None:
    """In a Pod the host, the certificate and the token are the Pod's."""
    found = configuration(environ=IN_POD, service_account=pod)
    assert found.host == "https://10.96.0.1:443"
    assert found.ssl_ca_cert == str(pod / "ca.crt")
    assert found.api_key[BEARER] == "Bearer first"
    assert found.verify_ssl


def test_an_ipv6_service_address_is_a_url(pod: Path) -> None:
    """An IPv6 address stands in brackets."""
    found = configuration(environ=IN_POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, service_account=pod)
    assert found.host == "https://[fd00::1]:443"


def test_a_pod_without_a_token_is_told_what_to_switch_on(tmp_path: Path) -> None:
    """The missing file and the field that brings it are named."""
    message = why_not(environ=IN_POD, service_account=tmp_path)
    assert str(tmp_path / "ca.crt") in message
    assert "automountServiceAccountToken" in message


def test_a_rotated_token_is_used_from_the_next_request_on(pod: Path) -> None:
    """The token file is read again when it is replaced, as the kubelet does through a symbolic link."""
    for name in ("a", "b"):
        (pod / name).mkdir()
        (pod / name / "token").write_text(f"token-{name}")
    link = pod / "token"
    link.unlink()
    link.symlink_to(pod / "a" / "token")
    found = configuration(environ=IN_POD, service_account=pod)
    assert found.auth_settings()["BearerToken"]["value"] == "Bearer token-a"
    (pod / "new").symlink_to(pod / "b" / "token")
    (pod / "new").rename(link)
    assert found.auth_settings()["BearerToken"]["value"] == "Bearer token-b"


def test_a_token_file_that_is_just_being_written_does_not_log_us_out(pod: Path) -> None:
    """An empty token file leaves the last token in use, until it is written."""
    found = configuration(environ=IN_POD, service_account=pod)
    (pod / "token").write_text("")
    assert found.auth_settings()["BearerToken"]["value"] == "Bearer first"
    (pod / "token").write_text("second")
    assert found.auth_settings()["BearerToken"]["value"] == "Bearer second"


def test_a_kubeconfigs_token_file_is_followed_too(tmp_path: Path) -> None:
    """A user's `tokenFile`, relative to its kubeconfig, is read again when it changes, and requests carry it."""
    (tmp_path / "token").write_text("one")
    with RawServer(answer(LIST)) as server:
        path = kubeconfig(tmp_path / "config", server.url, {"tokenFile": "token"})
        with connected(path) as api:
            api.list(POD, None)
            (tmp_path / "token").write_text("two!")
            api.list(POD, None)
    assert [request.headers["authorization"] for request in server.received] == ["Bearer one", "Bearer two!"]


def test_a_token_that_cannot_be_had_is_no_connection(tmp_path: Path) -> None:
    """Without credentials a request does not leave, and the error names the file."""
    (tmp_path / "token").write_text("one")
    with RawServer(answer(LIST)) as server:
        path = kubeconfig(tmp_path / "config", server.url, {"tokenFile": "token"})
        with connected(path) as api:
            (tmp_path / "token").unlink()
            with pytest.raises(Unreachable, match=r"no credentials: .*token"):
                api.list(POD, None)
    assert server.received == []


def test_what_is_asked_for_goes_before_what_is_around(home: Path, pod: Path) -> None:
    """An explicit file goes before $KUBECONFIG, that before the Pod's account, and that before the home's file."""
    named = kubeconfig(home / "named", "http://named:1")
    listed = kubeconfig(home / "listed", "http://listed:1")
    (home / ".kube").mkdir()
    kubeconfig(home / ".kube" / "config", "http://home:1")
    everything = IN_POD | {"KUBECONFIG": str(listed)}
    assert configuration(None, str(named), everything, pod).host == "http://named:1"
    assert configuration(None, None, everything, pod).host == "http://listed:1"
    assert configuration(None, None, IN_POD, pod).host == "https://10.96.0.1:443"
    assert configuration("test", None, IN_POD, pod).host == "http://home:1"
    assert configuration(None, None, {}, pod).host == "http://home:1"


def test_several_files_are_one_configuration(home: Path) -> None:
    """A context in one file may use a cluster of another; the first current-context counts, and missing files don't."""
    cluster = {"clusters": [{"name": "c", "cluster": {"server": "http://c:1"}}], "current-context": "other"}
    contexts = {"contexts": [{"name": n, "context": {"cluster": "c", "user": "u"}} for n in ("mine", "other")]}
    first = write(home / "first", contexts | {"current-context": "mine"})
    second = write(home / "second", cluster | {"users": [{"name": "u", "user": {"token": TOKEN}}]})
    paths = os.pathsep.join(map(str, (home / "missing", first, second)))
    found = configuration(environ={"KUBECONFIG": paths})
    assert (found.host, found.api_key[BEARER]) == ("http://c:1", f"Bearer {TOKEN}")
    assert configuration("other", paths).host == "http://c:1"


def test_paths_in_a_file_start_at_that_file(home: Path) -> None:
    """A relative certificate is looked for next to the kubeconfig, wherever we run."""
    (home / "ca.crt").write_text("certificate")
    path = kubeconfig(home / "config", "https://x:1")
    document = yaml.safe_load(path.read_text())
    document["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    found = configuration(None, str(write(path, document)))
    assert (found.host, found.ssl_ca_cert) == ("https://x:1", str(home / "ca.crt"))


def test_no_configuration_at_all_says_what_to_set(home: Path) -> None:
    """Without any file, and outside a Pod, the message names the file that was looked for and KUBECONFIG."""
    message = why_not(environ={})
    assert str(home / ".kube" / "config") in message
    assert "KUBECONFIG" in message


def test_an_unknown_context_is_told_with_those_that_exist(home: Path) -> None:
    """The message names the file, the context and the contexts that there are."""
    path = kubeconfig(home / "config", "http://x:1")
    message = why_not("prod", path)
    assert str(path) in message
    assert "'prod'" in message
    assert message.endswith("name one of the contexts: test.")


def test_a_file_without_a_current_context_asks_for_one(home: Path) -> None:
    """Nothing is guessed where no context is current."""
    path = kubeconfig(home / "config", "http://x:1")
    path.write_text(path.read_text().replace("current-context: test", "current-context: ''"))
    assert "no current-context is set; name one of the contexts: test" in why_not(None, path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(home: Path) -> None:
    """The file and the reason are in the message."""
    path = kubeconfig(home / "config", "http://x:1")
    path.chmod(0)
    assert f"{path} cannot be read: Permission denied" in why_not(None, path)


def test_a_directory_in_place_of_a_file_is_named(home: Path) -> None:
    """The file and the reason are in the message."""
    assert f"{home} cannot be read: Is a directory" in why_not(None, home)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a list",
        "contexts: 3",
        "users: [1]",
        "users: [{token: sesame-and-nobody-may-read-it}]",
        f"token: {TOKEN}\n\tx: [",
        "\x00",
        "contexts: [{name: test, context: {}}]\ncurrent-context: test",
        "contexts: [{name: test, context: 5}]\ncurrent-context: test",
        "contexts: [{name: test, context: {cluster: c}}]\ncurrent-context: test\nclusters: [{name: c, cluster: {}}]",
        "contexts: [{name: test, context: {cluster: c}}]\ncurrent-context: test\nclusters: [{name: c, cluster: 7}]",
    ],
)
def test_a_file_of_another_shape_is_named(home: Path, text: str) -> None:
    """Whatever a file holds, the message starts with its name and no other error escapes."""
    path = home / "config"
    path.write_text(text)
    assert why_not(None, path).startswith(str(path))


@pytest.mark.parametrize(
    "user",
    [
        {"auth-provider": {"name": "oidc", "config": {"client-secret": TOKEN}}},
        {"auth-provider": {"name": "oidc", "config": {"id-token": f"a.{TOKEN}.b"}}},
        {"auth-provider": {"name": "gcp", "config": {"cmd-path": "false", "cmd-args": TOKEN}}},
        {"token": TOKEN, "client-certificate": "/nowhere", "client-key": "/nowhere"},
        {"tokenFile": "/nowhere"},
        TOKEN,
    ],
)
def test_a_user_that_cannot_log_in_is_told_without_its_secrets(home: Path, user: Any) -> None:
    """The file and the context are named; what the user's entry holds stays out of message and traceback."""
    path = kubeconfig(home / "config", "https://x:1", user)
    assert why_not(None, path).startswith(f"{path}: context 'test' cannot be used: ")


def plugin(path: Path, script: str) -> dict[str, Any]:
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(stat.S_IRWXU)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "args": []}}


def test_a_login_command_is_run_and_its_token_used(home: Path) -> None:
    """An exec plugin's token is sent."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": TOKEN}}
    user = plugin(home / "login", f"import json; print(json.dumps({credential!r}))")
    assert (
        configuration(None, str(kubeconfig(home / "config", "http://x:1", user))).api_key[BEARER] == f"Bearer {TOKEN}"
    )


def test_a_token_that_expires_is_renewed_by_its_command(home: Path) -> None:
    """A token with an expiry that has come is asked for again before the next request, one without never."""
    version = "client.authentication.k8s.io/v1"
    script = (
        "import json, pathlib\n"
        f"runs = pathlib.Path({str(home / 'runs')!r})\n"
        "runs.write_text(runs.read_text() + 'x' if runs.exists() else 'x')\n"
        "status = {'token': runs.read_text()%s}\n"
        f"print(json.dumps({{'apiVersion': {version!r}, 'kind': 'ExecCredential', 'status': status}}))"
    )
    for expiry, second in ((", 'expirationTimestamp': '2020-01-01T00:00:00Z'", "Bearer xx"), ("", "Bearer x")):
        (home / "runs").unlink(missing_ok=True)
        user = plugin(home / "login", script % expiry)
        found = configuration(None, str(kubeconfig(home / "config", "http://x:1", user)))
        assert found.api_key[BEARER] == "Bearer x"
        assert found.auth_settings()["BearerToken"]["value"] == second


def test_a_login_command_that_fails_is_named(home: Path) -> None:
    """The client would go on without credentials; the message names the command instead."""
    user = plugin(home / "login", "raise SystemExit('please log in first')")
    message = why_not(None, kubeconfig(home / "config", "http://x:1", user))
    assert f"'{home / 'login'}'" in message
    assert "gave no credentials" in message


def test_connecting_sends_nothing(home: Path) -> None:
    """A server that isn't there is noticed by the first request, not before."""
    path = kubeconfig(home / "config", "http://127.0.0.1:1")
    api = connect(
        kubeconfig=str(path), connect_timeout_seconds=1, read_timeout_seconds=1, user_agent="test", pool_size=1
    )
    with pytest.raises(Unreachable, match=r"LIST pods: 127\.0\.0\.1:1: .*refused"):
        api.list(POD, None)
    api.close()
