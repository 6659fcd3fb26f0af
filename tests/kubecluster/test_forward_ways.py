"""All that a kubeconfig may say about the way to the API server holds for requests and for forwarded ports alike."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubecluster.api import Kubernetes, connect, path
from kubecluster.errors import ForwardFailed, Unreachable
from kubecluster.forward import Forward
from kubecluster.forward.opening import Opening
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.kubecluster.sockets import Proxy, answers, echo, serving
from tests.realcluster import pki
from tests.realcluster.eventually import eventually

POD = path("pods", "default", "a", group="")


@contextmanager
def secured(certificates: Path, *, asks_for_certificate: bool = False) -> Iterator[FakeKubernetes]:
    """An API server with TLS, whose Pod `a` echoes on port 80."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.crt"))
    context.load_cert_chain(certificates / "apiserver.crt", certificates / "apiserver.key")
    context.verify_mode = ssl.CERT_REQUIRED if asks_for_certificate else ssl.CERT_NONE
    with FakeKubernetes(tls=context) as pods, serving(echo) as port:
        pods.pods["a"] = {80: port}
        yield pods


@contextmanager
def connected(folder: Path, cluster: dict[str, Any], user: dict[str, Any] | None = None) -> Iterator[Kubernetes]:
    """A connection as a kubeconfig says."""
    document = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user or {"token": "t"}}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(document))
    with closing(connect(kubeconfig=str(folder / "kubeconfig"), timeout_seconds=5)) as kubernetes:
        yield kubernetes


def works(kubernetes: Kubernetes) -> bool:
    """Whether a request and a forwarded port go through."""
    with Forward(kubernetes, "default", lambda: "a", 80) as forward:
        return kubernetes.get(POD)["kind"] == "Pod" and answers(forward)


def test_a_certificate_that_the_kubeconfig_trusts_is_trusted(tmp_path: Path, certificates: Path) -> None:
    """The authority may be a file."""
    authority = {"certificate-authority": str(certificates / "ca.crt")}
    with secured(certificates) as pods, connected(tmp_path, {"server": pods.url} | authority) as kubernetes:
        assert works(kubernetes)


def test_a_certificate_says_who_we_are(tmp_path: Path, certificates: Path) -> None:
    """A user may have a certificate rather than a token."""
    with secured(certificates, asks_for_certificate=True) as pods:
        cluster = {"server": pods.url, "certificate-authority": str(certificates / "ca.crt")}
        name = certificates / "apiserver-kubelet-client"
        user = {"client-certificate": f"{name}.crt", "client-key": f"{name}.key"}
        with connected(tmp_path, cluster, user) as kubernetes:
            assert works(kubernetes)
        with connected(tmp_path, cluster) as kubernetes, pytest.raises(Unreachable):
            kubernetes.get(POD)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path, certificates: Path) -> None:
    """Nothing is sent, and the error says so; also for a forwarded port."""
    with secured(certificates) as pods, connected(tmp_path, {"server": pods.url}) as kubernetes:
        with pytest.raises(Unreachable, match=r"its certificate is not trusted \(self"):
            kubernetes.get(POD)
        opening = Opening(kubernetes, "default", lambda: "a", 80, patience_seconds=0)
        with pytest.raises(ForwardFailed, match="cannot be reached: its certificate is not trusted"):
            asyncio.run(opening.websocket())
    assert pods.tokens == []


def test_a_certificate_is_not_looked_at_if_the_kubeconfig_says_so(tmp_path: Path, certificates: Path) -> None:
    """`insecure-skip-tls-verify` is the user's decision."""
    with secured(certificates) as pods:
        cluster = {"server": pods.url, "insecure-skip-tls-verify": True}
        with connected(tmp_path, cluster) as kubernetes:
            assert works(kubernetes)


def test_a_certificate_may_have_another_name(tmp_path: Path) -> None:
    """`tls-server-name` says whose certificate the server has."""
    folder = tmp_path / "nameless"
    folder.mkdir()
    pki.create(folder, [])
    with secured(folder) as pods:
        cluster = {"server": pods.url, "certificate-authority": str(folder / "ca.crt")}
        with connected(tmp_path, cluster) as kubernetes, pytest.raises(Unreachable, match="not trusted"):
            kubernetes.get(POD)
        with connected(tmp_path, cluster | {"tls-server-name": "kubernetes"}) as kubernetes:
            assert works(kubernetes)


@pytest.mark.parametrize("who", ["", "jane:sesame@"])
def test_a_proxy_leads_there(tmp_path: Path, certificates: Path, who: str) -> None:
    """`proxy-url` is used for all, with its name and password."""
    password = "amFuZTpzZXNhbWU=" if who else ""  # base64 of jane:sesame
    with ExitStack() as stack:
        pods = stack.enter_context(secured(certificates))
        proxy = stack.enter_context(Proxy(password=password))
        cluster = {
            "server": pods.url,
            "certificate-authority": str(certificates / "ca.crt"),
            "proxy-url": f"http://{who}127.0.0.1:{proxy.port}",
        }
        kubernetes = stack.enter_context(connected(tmp_path, cluster))
        assert works(kubernetes)
        assert proxy.taken >= 2


def test_a_proxy_that_refuses_is_told_without_its_password(tmp_path: Path, certificates: Path) -> None:
    """The error names the proxy."""
    with secured(certificates) as pods, Proxy(password="other") as proxy:
        cluster = {"server": pods.url, "proxy-url": f"http://jane:sesame@127.0.0.1:{proxy.port}"}
        with connected(tmp_path, cluster) as kubernetes, pytest.raises(Unreachable) as caught:
            kubernetes.get(POD)
    assert f"through the proxy http://127.0.0.1:{proxy.port}" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_idle_connections_are_kept_alive(kubernetes: Kubernetes, pods: FakeKubernetes) -> None:
    """A WebSocket on which nothing is sent sends pings."""

    async def idle() -> None:
        opening = Opening(kubernetes, "default", lambda: "a", 80, ping_seconds=0.05)
        async with await opening.websocket():
            await asyncio.to_thread(eventually, lambda: pods.pings >= 3, "pings")

    with serving(echo) as port:
        pods.pods["a"] = {80: port}
        asyncio.run(idle())


def test_no_pod_for_too_long_is_told(kubernetes: Kubernetes) -> None:
    """After some seconds without a Pod the connection is given up, with the last reason."""
    opening = Opening(kubernetes, "default", lambda: "missing", 80, patience_seconds=0.5)
    with pytest.raises(Exception, match='There is no Pod default/missing: pods "missing" not found'):
        asyncio.run(opening.websocket())


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The error has the server's address."""
    with connected(tmp_path, {"server": "http://127.0.0.1:1"}) as kubernetes:
        opening = Opening(kubernetes, "default", lambda: "a", 80, patience_seconds=0)
        with pytest.raises(ForwardFailed, match=r"http://127\.0\.0\.1:1 .*the API server cannot be reached: .*refused"):
            asyncio.run(opening.websocket())


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", b"", b"\0\r\n\r\n"])
def test_a_server_without_websockets_is_told(tmp_path: Path, answer: bytes) -> None:
    """Whatever stands at the address, the connection ends and the error says that there is no WebSocket."""

    def respond(connection: Any) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)

    with serving(respond) as port, connected(tmp_path, {"server": f"http://127.0.0.1:{port}"}) as kubernetes:
        opening = Opening(kubernetes, "default", lambda: "a", 80, patience_seconds=0)
        with pytest.raises(Exception, match=r"WebSocket|answers 200|cannot be reached"):
            asyncio.run(opening.websocket())
