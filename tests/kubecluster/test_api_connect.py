"""Where Kubernetes is looked for, who we are to it, and how credentials stay fresh."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubecluster.api import connect, path
from kubecluster.api.proxies import proxy_for
from kubecluster.api.surroundings import Found, find
from kubecluster.errors import KubeClusterError, NoKubernetes, NotAllowed, WrongContext
from tests.http.connection import TOKEN, kubeconfig
from tests.http.rawserver import RawServer
from tests.kubecluster.calls import POD, SERVED, connected, refused

IN_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
CREDENTIAL = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a `.kube`, in an environment that names no cluster and no proxy."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def account(tmp_path: Path, authority: str) -> Path:
    """What a Pod has of its service account."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "ca.crt").write_text(authority)
    (folder / "token").write_text("first\n")
    (folder / "namespace").write_text("team")
    return folder


def found(environ: Mapping[str, str], account: Path, context: str | None = None, file: Path | None = None) -> Found:
    """The way to Kubernetes in some surroundings."""
    return find(context, str(file) if file else None, environ, account)


def written(file: Path, **sections: Any) -> Path:
    """A kubeconfig file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(sections))
    return file


def plugin(file: Path, script: str) -> dict[str, Any]:
    """A user who logs in by a command."""
    file.write_text(f"#!{sys.executable}\n{script}")
    file.chmod(0o755)
    return {"exec": {"apiVersion": CREDENTIAL["apiVersion"], "command": str(file), "interactiveMode": "Never"}}


def test_what_is_asked_for_goes_before_what_is_around(home: Path, account: Path) -> None:
    """An explicit file goes before $KUBECONFIG, that before the Pod's account, and that before the home's file."""
    named = kubeconfig(home / "named", "http://named:1")
    listed = kubeconfig(home / "listed", "http://listed:1")
    everything = IN_POD | {"KUBECONFIG": str(listed)}
    assert found(everything, account, file=named).server == "http://named:1"
    assert found(everything, account).server == "http://listed:1"
    assert found(IN_POD, account).server == "https://10.96.0.1:443"
    kubeconfig(written(home / ".kube" / "config"), "http://home:1")
    assert found(IN_POD, account).server == "https://10.96.0.1:443"
    assert found(IN_POD, account, context="test").server == "http://home:1"
    assert found(IN_POD, home / "missing").server == "http://home:1"
    assert found({}, account).server == "http://home:1"


def test_a_pods_service_account_has_a_namespace_and_is_inside(account: Path) -> None:
    """In a Pod the namespace is the Pod's, and the cluster is the one around it."""
    way = found(IN_POD, account)
    assert (way.namespace, way.is_inside, way.token_file) == ("team", True, account / "token")
    assert way.own_namespace == "team"
    (account / "namespace").unlink()
    assert found(IN_POD | {"POD_NAMESPACE": "blue"}, account).own_namespace == "blue"
    assert found(IN_POD | {"KUBERNETES_SERVICE_HOST": "fd00::1"}, account).server == "https://[fd00::1]:443"


def test_a_contexts_namespace_is_its_own_or_the_default(home: Path, account: Path) -> None:
    """A context may name a namespace."""
    contexts = [
        {"name": "with", "context": {"cluster": "c", "namespace": "team"}},
        {"name": "without", "context": {"cluster": "c"}},
    ]
    file = written(home / "config", contexts=contexts, clusters=[{"name": "c", "cluster": {"server": "http://c:1"}}])
    assert found({}, account, "with", file).namespace == "team"
    assert found({}, account, "without", file).namespace == "default"


@pytest.mark.parametrize(
    ("server", "signed", "inside"),
    [
        ("https://kubernetes.default.svc", {}, True),
        ("https://10.96.0.1", {}, True),
        ("https://api.example.org:6443", {"certificate-authority": "ca.crt"}, True),
        ("https://api.example.org:6443", {}, False),
    ],
)
def test_a_kubeconfig_in_a_pod_may_mean_the_cluster_around_it(
    account: Path, server: str, signed: dict[str, str], *, inside: bool
) -> None:
    """It does if it is the same address, or signs with the same certificate; only in a Pod."""
    authority = (account / "ca.crt").read_text()
    (account / "elsewhere").mkdir()
    (account / "elsewhere" / "ca.crt").write_text(f"# of the cluster\n{authority}")
    file = written(
        account / "elsewhere" / "config",
        contexts=[{"name": "x", "context": {"cluster": "c"}}],
        clusters=[{"name": "c", "cluster": {"server": server} | signed}],
    )
    way = found(IN_POD, account, "x", file)
    assert (way.is_inside, way.own_namespace) == (inside, "team" if inside else "")
    assert way.namespace == ("team" if inside else "default")
    assert found({}, account, "x", file).is_inside is False


def test_a_context_that_is_not_there_is_told_with_those_that_are(home: Path) -> None:
    """The error has the file and all contexts."""
    file = kubeconfig(home / "config", "http://x:1")
    with pytest.raises(WrongContext, match=rf"{file}: there is no context 'other'.*those that there are: 'test'"):
        connect(kubeconfig=str(file), context="other")


def test_no_kubernetes_is_told_with_the_way_out(home: Path) -> None:
    """The error has the file that was looked for and what to set."""
    with pytest.raises(NoKubernetes, match=rf"there is no {home}/.kube/config.*Set KUBECONFIG"):
        connect()
    with pytest.raises(NoKubernetes, match="there is no /missing/one and no /missing/two"):
        connect(kubeconfig=os.pathsep.join(["/missing/one", "/missing/two"]))


BROKEN: dict[str, tuple[Any, str]] = {
    "no YAML": ("{", "is not YAML: .* in line"),
    "no mapping": ([], "no kubeconfig file: it holds no mapping"),
    "no list of contexts": ({"contexts": 3}, "no kubeconfig file: contexts is no list of entries with names"),
    "no names": ({"users": [{"user": {}}]}, "no kubeconfig file: users is no list of entries with names"),
    "no context is current": ({"contexts": [{"name": "a"}]}, "no current-context is set.*: 'a'"),
    "no cluster": (
        {"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "c"}}]},
        "names the cluster 'c', which is not there",
    ),
    "no server": (
        {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "c"}}],
            "clusters": [{"name": "c", "cluster": {}}],
        },
        "The cluster of context 'a' .* has no server",
    ),
    "no certificate": (
        {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://x", "certificate-authority": "missing"}}],
        },
        "Context 'a' .* cannot be used: .*File does not exist: .*missing",
    ),
    "a certificate that is none": (
        {
            "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://x", "certificate-authority-data": "eA=="}}],
        },
        "A certificate of context 'a' .* cannot be used",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_cannot_be_used_is_told(home: Path, case: str) -> None:
    """The error has the file and what is wrong in it."""
    document, words = BROKEN[case]
    file = home / "config"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    with pytest.raises(NoKubernetes, match=words) as caught:
        connect(kubeconfig=str(file))
    assert str(file) in str(caught.value)


def test_secrets_are_not_told(home: Path) -> None:
    """An error about a user's entry does not show the entry."""
    file = kubeconfig(home / "config", "http://x:1", {"token": TOKEN, "exec": {"command": 1}})
    document = yaml.safe_load(file.read_text())
    document["users"].append(document["users"][0])
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(KubeClusterError) as caught:
        connect(kubeconfig=str(written(home / "other", **document | {"contexts": [{"name": "test", "context": {}}]})))
    assert TOKEN not in str(caught.value)


def test_a_token_file_is_followed(home: Path) -> None:
    """A token is read anew for each request, and an empty file leaves the last one in use."""
    (home / "token").write_text("one")
    with RawServer(SERVED) as server, connected(home, server.url, tokenFile="token") as api:
        for token in ("one", "two", ""):
            (home / "token").write_text(token)
            api.get(POD)
    assert [request.headers["authorization"] for request in server.received] == [
        "Bearer one",
        "Bearer two",
        "Bearer two",
    ]


def test_a_token_that_the_server_no_longer_knows_is_looked_for_anew(home: Path) -> None:
    """Whoever logs in again meanwhile need not connect again; the change is made once."""
    with RawServer(refused(401), SERVED) as server, connected(home, server.url, token="old") as api:
        kubeconfig(home / "kubeconfig", server.url, {"token": "new"})
        api.create(path("pods", "default", group=""), {})
    assert [request.headers["authorization"] for request in server.received] == ["Bearer old", "Bearer new"]


def test_a_token_that_is_not_renewed_is_told(home: Path) -> None:
    """A second refusal is the last."""
    told = pytest.raises(NotAllowed, match="does not know who we are")
    with RawServer(refused(401)) as server, connected(home, server.url, token="old") as api, told:
        api.get(POD)
    assert len(server.received) == 2


@pytest.mark.parametrize(("lives", "runs"), [(timedelta(hours=1), 1), (timedelta(seconds=1), 3), (None, 1)])
def test_a_command_gives_a_new_token_before_the_old_one_expires(home: Path, lives: timedelta | None, runs: int) -> None:
    """The command runs when the token is about to expire, and otherwise once."""
    status: dict[str, str] = {"token": "t"}
    if lives:
        status["expirationTimestamp"] = f"{datetime.now(UTC) + lives:%Y-%m-%dT%H:%M:%SZ}"
    count = f"open({str(home / 'runs')!r}, 'a').write('x')"
    user = plugin(home / "login", f"import json\n{count}\nprint(json.dumps({CREDENTIAL | {'status': status}!r}))")
    with RawServer(SERVED) as server, connected(home, server.url, **user) as api:
        api.get(POD)
        api.get(POD)
    assert len((home / "runs").read_text()) == runs


def test_a_command_that_fails_is_named(home: Path) -> None:
    """The error has the command and says to log in."""
    user = plugin(home / "login", "raise SystemExit('please log in first')")
    with pytest.raises(NoKubernetes, match=rf"{home}/login.*gave no credentials. Log in again"):
        connect(kubeconfig=str(kubeconfig(home / "config", "http://x:1", user)))


def test_whom_one_acts_for_is_sent(home: Path) -> None:
    """A user who acts in another's place has the other's rights, as with kubectl, not more."""
    acting: dict[str, Any] = {"token": "t", "as": "jane", "as-groups": ["a", "b"]}
    with RawServer(SERVED) as server, connected(home, server.url, **acting) as api:
        api.get(POD)
    (request,) = server.received
    assert request.headers["impersonate-user"] == "jane"
    assert request.headers["impersonate-group"] == "b"  # the last of two headers of that name


PROXIED = {"HTTPS_PROXY": "http://p:1"}


@pytest.mark.parametrize(
    ("server", "environ", "configured", "expected"),
    [
        ("https://x", {}, None, None),
        ("https://x", PROXIED, None, "http://p:1"),
        ("https://x", {"https_proxy": "p:1"}, None, "http://p:1"),
        ("https://x", {"ALL_PROXY": "socks5://p:1"}, None, "socks5://p:1"),
        ("http://x", PROXIED, None, None),
        ("https://x", PROXIED, "http://q:2", "http://q:2"),
        ("https://127.0.0.1:6443", PROXIED, None, None),
        ("https://localhost", PROXIED, None, None),
        ("https://[::1]:6443", PROXIED, None, None),
        ("https://x", PROXIED | {"NO_PROXY": "*"}, None, None),
        ("https://x", PROXIED | {"NO_PROXY": "*"}, "http://q:2", "http://q:2"),
        ("https://a.example.org", PROXIED | {"NO_PROXY": "b, .example.org"}, None, None),
        ("https://a.example.org", PROXIED | {"NO_PROXY": "example.org"}, None, None),
        ("https://aexample.org", PROXIED | {"NO_PROXY": "example.org"}, None, "http://p:1"),
        ("https://example.org:6443", PROXIED | {"NO_PROXY": "example.org:443"}, None, "http://p:1"),
        ("https://10.1.2.3", PROXIED | {"NO_PROXY": "10.0.0.0/8"}, None, None),
        ("https://10.1.2.3", PROXIED | {"NO_PROXY": "10.1.2.3"}, None, None),
        ("https://11.1.2.3", PROXIED | {"NO_PROXY": "10.0.0.0/8,1.2.3"}, None, "http://p:1"),
    ],
)
def test_the_proxy_is_the_one_that_kubectl_takes(
    server: str, environ: dict[str, str], configured: str | None, expected: str | None
) -> None:
    """The kubeconfig's proxy goes before the environment's, which leaves out what NO_PROXY covers and loopback."""
    assert proxy_for(server, environ, configured) == expected


def test_closing_leaves_no_connection(home: Path) -> None:
    """The server sees the end of the connections that were kept."""
    with RawServer(SERVED) as server:  # which ends when its connections have
        api = connect(kubeconfig=str(kubeconfig(home / "config", server.url)))
        api.get(POD)
        api.close()
