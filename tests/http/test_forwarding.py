"""Schedulers are asked through the API server where their Pods' addresses lead nowhere."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import kmock
import pytest

from models.kinds import DASK_CLUSTER, Key
from models.scheduler_answer import SchedulerAnswer
from reconciler.api import HTTPAPI, Exchange
from reconciler.dask.certificates import Certificates
from reconciler.dask.errors import Barred, DaskError, Silent, TooLarge, Unreachable
from reconciler.dask.reach import Reach
from reconciler.dask.workers import ask
from reconciler.rules.questions import Question
from tests.http.connection import TOKEN, connected, kubeconfig
from tests.http.mockserver import MockServer
from tests.kubecluster.fakekubernetes import FakeKubernetes
from tests.unit.dask.hostile import (
    HANDSHAKE,
    Act,
    answering,
    hanging_up,
    little_memory,
    packed,
    trickling,
    until_closed,
)
from tests.unit.dask.secrets import secret
from tests.unit.dask.test_certificates import scheduler, serving

KEY = Key(DASK_CLUSTER, "default", "simple")
POD = "simple-scheduler"
IDENTITY = packed({"id": "x", "started": 1.0, "workers": {}})


@contextmanager
def listening(act: Act) -> Iterator[int]:
    """The port of somebody who does this to each connection, one after the other."""

    def serve() -> None:
        while True:
            with suppress(ConnectionError):
                try:
                    connected, _ = listener.accept()
                except OSError:
                    return
                with connected:
                    act(connected)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(20)
    assert not thread.is_alive(), "our side has not closed the connection"


@dataclass
class Place:
    """An API server that forwards ports, and who asks a scheduler through it."""

    pods: FakeKubernetes
    api: HTTPAPI
    exchanges: list[Exchange]

    def ask(self, port: int, *, secured: bool = False) -> SchedulerAnswer:
        """Ask whoever listens on a port of this machine, which is the Pod's 8786."""
        self.pods.pods[POD] = {8786: port}
        pods, secret_name = frozenset({("pod", "")}), "dask-tls" * secured
        question = Question(KEY, KEY, "first", "10.0.0.7", 8786, pod=POD, tls_secret=secret_name, pods=pods)
        return ask(question, SchedulerAnswer("first"), Reach(Certificates(lambda *_: secret()), self.api.forward))

    def error(self, act: Act) -> DaskError:
        with listening(act) as port, little_memory(8 << 20), pytest.raises(DaskError) as caught:
            self.ask(port)
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    exchanges: list[Exchange] = []
    with ExitStack() as stack:
        pods = stack.enter_context(FakeKubernetes())
        config = kubeconfig(tmp_path / "config", pods.url)
        yield Place(pods, stack.enter_context(connected(config, observe=exchanges.append)), exchanges)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.dask.workers.CONVERSATION_SECONDS", 0.5)


def test_a_real_scheduler_is_asked_through_the_api_server(place: Place, tmp_path: Path) -> None:
    """With TLS inside the tunnel; the request says who asks, and is counted once."""
    with scheduler(tmp_path, secret()) as (_, port):
        assert [worker.name for worker in place.ask(port, secured=True).workers] == ["pod"]
    assert place.pods.asked == [f"/api/v1/namespaces/default/pods/{POD}/portforward?ports=8786"]
    assert place.pods.tokens == [TOKEN]
    assert [(one.verb, one.resource, one.code) for one in place.exchanges] == [("GET", "pods/portforward", "101")]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, Barred, "forbidden by a test; grant the rights to get and create pods/portforward"),
        (401, Barred, "forbidden by a test"),
        (404, Unreachable, "forbidden by a test"),
        (500, Unreachable, "forbidden by a test"),
    ],
)
def test_a_refusal_of_the_api_server_is_told(place: Place, status: int, kind: type[DaskError], words: str) -> None:
    """A right that is lacking with its remedy: then nobody waits for an answer."""
    place.pods.refusals.append((status, "forbidden by a test"))
    with pytest.raises(DaskError) as caught:
        place.ask(1)
    assert type(caught.value) is kind
    assert words in caught.value.message


def test_a_port_on_which_nobody_listens_is_told_in_the_words_of_the_node(place: Place) -> None:
    """They come in a channel of their own."""
    place.pods.pods[POD] = {}
    question = Question(KEY, KEY, "first", "10.0.0.7", 8786, pod=POD)
    with pytest.raises(Unreachable, match=r"error forwarding port 8786 to pod .*: connection refused"):
        ask(question, SchedulerAnswer("first"), Reach(forward=place.api.forward))


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        pytest.param(until_closed, Silent, id="says nothing"),
        pytest.param(answering(), Silent, id="hangs after the handshake"),
        pytest.param(trickling(packed(HANDSHAKE)), Silent, id="trickles"),
        pytest.param(hanging_up(after=b""), Unreachable, id="closes"),
        pytest.param(hanging_up(after=IDENTITY[:-3]), Unreachable, id="closes in the middle"),
        pytest.param(answering((1 << 40).to_bytes(8, "little")), TooLarge, id="announces a terabyte"),
        pytest.param(answering(b"x" * 64), DaskError, id="answers nonsense"),
    ],
)
def test_a_scheduler_behind_the_api_server_has_the_same_bounds(
    act: Act, kind: type[DaskError], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time, and in memory: what nobody asked for is not read."""
    monkeypatch.setattr("reconciler.dask.workers.CONVERSATION_SECONDS", 0.3 if kind is Silent else 20.0)
    assert isinstance(place.error(act), kind)


def _flooding(connected: Any) -> None:
    connected.sendall(packed(HANDSHAKE))
    while True:
        connected.sendall(bytes(1 << 20))


@pytest.mark.usefixtures("impatient")
def test_a_scheduler_that_sends_without_end_fills_no_memory(place: Place) -> None:
    """It waits until somebody reads."""
    assert isinstance(place.error(_flooding), DaskError)


@pytest.mark.usefixtures("impatient")
def test_pings_on_the_way_make_no_answer_of_silence(place: Place) -> None:
    """The deadline is that of the conversation, whoever says something else meanwhile."""
    place.pods.ping_seconds = 0.1
    assert isinstance(place.error(until_closed), Silent)
    assert isinstance(place.error(answering()), Silent)


@pytest.mark.usefixtures("impatient")
def test_silence_behind_tls_in_a_tunnel_ends_at_the_deadline(place: Place) -> None:
    for act in until_closed, serving(secret(), until_closed):
        with listening(act) as port, pytest.raises(Silent):
            place.ask(port, secured=True)


def test_an_api_server_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    question = Question(KEY, KEY, "first", "10.0.0.7", 8786, pod=POD)
    with (
        connected(kubeconfig(tmp_path / "config", "http://127.0.0.1:1")) as api,
        pytest.raises(Unreachable, match="Connection refused"),
    ):
        ask(question, SchedulerAnswer("first"), Reach(forward=api.forward))


def test_a_redirect_leads_nowhere(tmp_path: Path) -> None:
    """It would take our token there."""
    question = Question(KEY, KEY, "first", "10.0.0.7", 8786, pod=POD)
    with FakeKubernetes() as elsewhere, MockServer(kmock.KubernetesEmulator()) as server:
        path = f"/api/v1/namespaces/default/pods/{POD}/portforward"
        server.handler[f"get {path}"] << 302 << {"location": elsewhere.url + path}
        with connected(kubeconfig(tmp_path / "config", server.url)) as api, pytest.raises(Unreachable):
            ask(question, SchedulerAnswer("first"), Reach(forward=api.forward))
        assert not elsewhere.asked


@pytest.fixture
def server_side(tmp_path: Path) -> ssl.SSLContext:
    """With what an API server serves: the files `tls.crt` and `tls.key` of this test."""
    files = {name: tmp_path / name for name in ("tls.crt", "tls.key")}
    for name, file in files.items():
        file.write_bytes(secret("127.0.0.1")[name])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["tls.crt"], files["tls.key"])
    return context


def test_the_api_servers_certificate_is_checked(tmp_path: Path, server_side: ssl.SSLContext) -> None:
    """Whoever else answers gets no token."""
    question = Question(KEY, KEY, "first", "10.0.0.7", 8786, pod=POD)
    with FakeKubernetes(tls=server_side) as pods:
        with (
            connected(kubeconfig(tmp_path / "config", pods.url)) as api,
            pytest.raises(Unreachable, match="certificate"),
        ):
            ask(question, SchedulerAnswer("first"), Reach(forward=api.forward))
        assert not pods.tokens


def test_who_does_not_check_it_shows_a_client_certificate_all_the_same(
    tmp_path: Path, server_side: ssl.SSLContext
) -> None:
    """As for every other request, such as to a Kubernetes on the laptop."""
    server_side.verify_mode = ssl.CERT_REQUIRED
    server_side.load_verify_locations(tmp_path / "tls.crt")
    user = {"client-certificate": str(tmp_path / "tls.crt"), "client-key": str(tmp_path / "tls.key")}
    question = Question(KEY, KEY, "first", "10.0.0.7", 8786, pod=POD)
    with FakeKubernetes(tls=server_side) as pods:
        pods.pods[POD] = {}
        config = kubeconfig(tmp_path / "config", pods.url, user, **{"insecure-skip-tls-verify": True})
        with connected(config) as api, pytest.raises(Unreachable, match="error forwarding port 8786"):
            ask(question, SchedulerAnswer("first"), Reach(forward=api.forward))
