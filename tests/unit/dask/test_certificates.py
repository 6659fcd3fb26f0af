"""How a scheduler that speaks TLS is asked with what is in a Secret, and what comes of Secrets that hold nonsense."""

import base64
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from distributed import Scheduler, Security, SpecCluster, Worker

from models.kinds import DASK_CLUSTER, Key
from models.scheduler_answer import SchedulerAnswer
from reconciler.dask.certificates import KEPT_SECONDS, MOST_KEPT, Certificates, context_of, data_of
from reconciler.dask.errors import Barred, DaskError, Silent, Unreachable
from reconciler.dask.reach import Reach
from reconciler.dask.workers import ask
from reconciler.rules.questions import Question
from reconciler.wire.errors import Forbidden, NotFound
from tests.unit.dask.hostile import Act, hostile, until_closed
from tests.unit.dask.secrets import secret

KEY = Key(DASK_CLUSTER, "default", "simple")
OURS, OTHERS = secret(), secret("others")


@dataclass
class Secrets:
    """Secrets that are read; each reading is noted. Time passes when the test says so."""

    data: dict[str, bytes] | Exception = field(default_factory=lambda: dict(OURS))
    at: float = 0.0
    read: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.certificates = Certificates(self._read, lambda: self.at)
        self.reach = Reach(self.certificates)

    def _read(self, namespace: str, name: str) -> dict[str, bytes]:
        self.read.append((namespace, name))
        if isinstance(self.data, Exception):
            raise self.data
        return self.data

    def of(self, name: str = "dask-tls") -> ssl.SSLContext:
        return self.certificates.of("default", name)

    def ask(self, host: str, port: int) -> SchedulerAnswer:
        question = Question(
            KEY, KEY, "first", host, port, is_urgent=True, pods=frozenset({("pod", "")}), tls_secret="dask-tls"
        )
        return ask(question, SchedulerAnswer("first"), self.reach)

    def error(self, host: str = "127.0.0.1", port: int = 1) -> DaskError:
        with pytest.raises(DaskError) as caught:
            self.ask(host, port)
        return caught.value


@contextmanager
def scheduler(folder: Path, own: dict[str, bytes]) -> Iterator[tuple[str, int]]:
    """Where a real scheduler listens that has one worker, and asks for certificates."""
    files = {}
    for key, content in own.items():
        (folder / key).write_bytes(content)
        files[key] = str(folder / key)
    roles = ("client", "scheduler", "worker")
    certificates = {f"tls_{role}_cert": files["tls.crt"] for role in roles}
    keys = {f"tls_{role}_key": files["tls.key"] for role in roles}
    security = Security(tls_ca_file=files["ca.crt"], require_encryption=True, **certificates, **keys)
    more = {"host": "tls://127.0.0.1", "security": security}
    head = {**more, "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    work = {**more, "nthreads": 1, "memory_limit": "1GiB", "dashboard": False}
    with SpecCluster(
        scheduler={"cls": Scheduler, "options": head},
        workers={"pod": {"cls": Worker, "options": work}},
        security=security,
    ) as cluster:
        where = urlsplit(cluster.scheduler_address)
        assert where.scheme == "tls"
        assert where.hostname
        assert where.port
        yield where.hostname, where.port


def test_a_scheduler_that_speaks_tls_is_asked_with_what_is_in_the_secret(tmp_path: Path) -> None:
    """A certificate for another name will do, as in Dask: it is the authority that is trusted."""
    secrets = Secrets()
    with scheduler(tmp_path, OURS) as where:
        assert [worker.name for worker in secrets.ask(*where).workers] == ["pod"]
        assert [worker.name for worker in secrets.ask(*where).workers] == ["pod"]
    assert secrets.read == [("default", "dask-tls")]


def test_a_secret_is_read_again_after_tls_has_failed(tmp_path: Path) -> None:
    """Certificates are replaced on both sides, at different moments; the next question succeeds."""
    secrets = Secrets(dict(OTHERS))
    with scheduler(tmp_path, OURS) as where:
        assert "self-signed certificate" in secrets.error(*where).message
        secrets.data = dict(OURS)
        assert secrets.ask(*where).workers
    assert len(secrets.read) == 2


def test_a_scheduler_that_does_not_trust_our_certificate_is_told_as_such(tmp_path: Path) -> None:
    """It says so only after the handshake; with the right one we go on."""
    secrets = Secrets({**OTHERS, "ca.crt": OURS["ca.crt"]})
    with scheduler(tmp_path, OURS) as where:
        assert isinstance(secrets.error(*where), Unreachable)
        secrets.data = dict(OURS)
        assert secrets.ask(*where).workers


def test_a_secret_is_read_again_after_a_while() -> None:
    """And not before: schedulers are asked every second."""
    secrets = Secrets()
    first = secrets.of()
    secrets.at = KEPT_SECONDS - 1
    assert secrets.of() is first
    secrets.at = KEPT_SECONDS
    assert secrets.of() is not first
    assert len(secrets.read) == 2


def test_only_so_many_are_kept() -> None:
    """The oldest go: it is read again when it is needed."""
    secrets = Secrets()
    for number in range(MOST_KEPT + 1):
        secrets.at = number / 1000
        secrets.of(f"of-{number}")
    secrets.of("of-1")
    assert len(secrets.read) == MOST_KEPT + 1
    secrets.of("of-0")
    assert len(secrets.read) == MOST_KEPT + 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param({}, "no ca.crt", id="nothing"),
        pytest.param({**OURS, "tls.key": b""}, "no tls.key", id="an empty key"),
        pytest.param({**OURS, "ca.crt": b"\xff\x00"}, "ca.crt holds no certificates", id="bytes for an authority"),
        pytest.param({**OURS, "ca.crt": b"hello"}, "ca.crt holds no certificates", id="words for an authority"),
        pytest.param({**OURS, "ca.crt": OURS["tls.key"]}, "ca.crt holds no certificates", id="a key for an authority"),
        pytest.param({**OURS, "tls.crt": b"\0" * 50}, "tls.crt and tls.key are not", id="zeros for a certificate"),
        pytest.param({**OURS, "tls.key": OTHERS["tls.key"]}, "tls.crt and tls.key are not", id="another's key"),
        pytest.param(secret(password="sesame"), "tls.key is encrypted", id="a key with a password"),
        pytest.param({**OURS, "ca.crt": OURS["ca.crt"] * 1000}, "more than 65,536 bytes", id="a thousand authorities"),
    ],
)
def test_a_secret_that_holds_nonsense_is_told_to_its_owner(data: dict[str, bytes], words: str) -> None:
    """Which Secret and what is wrong, and nothing of what is in it; nobody is asked."""
    error = Secrets(data).error()
    assert isinstance(error, Unreachable)
    assert words in error.message
    assert "Secret default/dask-tls" in error.message
    assert "spec.scheduler.tls.secretName" in error.message
    for line in data.get("tls.key", b"").decode(errors="replace").splitlines()[1:-1]:
        assert line not in error.message
    assert error.__cause__ is None
    assert "-----" not in error.message


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (Forbidden('secrets "dask-tls" is forbidden'), Barred, "let the reconciler get it as deploy/tls does"),
        (NotFound('secrets "dask-tls" not found'), Unreachable, "not found; see whether it is there"),
    ],
)
def test_a_secret_that_is_not_had_is_told_with_the_remedy(
    refusal: Exception, kind: type[DaskError], words: str
) -> None:
    """A right that is lacking is another thing than a Secret that is: with it, nobody waits for an answer."""
    error = Secrets(refusal).error()
    assert type(error) is kind
    assert words in error.message


@pytest.mark.parametrize("data", [None, {"tls.key": "x" * 5}, {"tls.key": 5}, [1, 2], "x"])
def test_what_the_api_server_says_is_in_a_secret_is_decoded_or_refused(data: object) -> None:
    """Its values are base64; what else is in it is not looked at."""
    encoded = {key: base64.b64encode(value).decode() for key, value in OURS.items()}
    assert data_of({"data": {**encoded, "more": 5}}) == OURS
    with suppress(ValueError):
        assert data_of({"data": data}) == {}


def test_a_key_is_in_no_file_that_has_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the system has no such files, it is in one that is gone again, and that nobody else may read."""
    seen: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def loading(context: ssl.SSLContext, path: str, **more: object) -> None:
        seen.append(Path(path).stat().st_mode & 0o077 if path.startswith(str(tmp_path)) else -1)
        load(context, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", loading)
    context_of(OURS)
    monkeypatch.delattr("os.memfd_create")
    context_of(OURS)
    assert seen == [-1, 0]
    assert not list(tmp_path.iterdir())


def serving(certificate: dict[str, bytes], then: Act) -> Act:
    """Speaks TLS with this certificate, and then does something."""

    def act(connected: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate["tls.crt"] + certificate["tls.key"])
            file.flush()
            context.load_cert_chain(file.name)
        with suppress(OSError), context.wrap_socket(connected, server_side=True) as secured:
            then(secured)

    return act


def _records_without_end(connected: socket.socket) -> None:
    """The head of a TLS record that never ends, a byte at a time."""
    while True:
        connected.sendall(b"\x16")
        time.sleep(0.01)


def _speaks_http(connected: socket.socket) -> None:
    connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _floods(connected: socket.socket) -> None:
    while True:
        connected.sendall(b"\0" * 65536)


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        pytest.param(until_closed, Silent, "in time", id="says nothing"),
        pytest.param(_records_without_end, DaskError, "to connect", id="trickles"),
        pytest.param(_speaks_http, Unreachable, "TLS", id="speaks HTTP"),
        pytest.param(lambda _: None, Unreachable, "to connect", id="closes"),
        pytest.param(serving(OTHERS, until_closed), Unreachable, "self-signed certificate", id="another authority's"),
        pytest.param(serving(OURS, until_closed), Silent, "for a handshake", id="is silent behind TLS"),
        pytest.param(serving(OURS, _floods), DaskError, "for a handshake", id="floods behind TLS"),
        pytest.param(serving(OURS, lambda _: None), Unreachable, "for a handshake", id="closes behind TLS"),
    ],
)
def test_a_scheduler_that_speaks_tls_badly_is_an_error_of_its_own(
    act: Act, kind: type[DaskError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deadline at the latest, and nothing but `DaskError`."""
    monkeypatch.setattr("reconciler.dask.workers.CONVERSATION_SECONDS", 0.5)
    secrets = Secrets()
    with hostile(act) as address:
        error = secrets.error(address.host, address.port)
    assert isinstance(error, kind)
    assert words in error.message


def test_an_expired_certificate_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked what workers hold whose scheduler cannot be told from another."""
    monkeypatch.setattr("reconciler.dask.workers.CONVERSATION_SECONDS", 5.0)
    expired = secret("expired", days=-1)
    secrets = Secrets(dict(expired))
    with hostile(serving(expired, until_closed)) as address:
        error = secrets.error(address.host, address.port)
    assert isinstance(error, Unreachable)
    assert "refused TLS: certificate has expired" in error.message


def test_where_no_secrets_can_be_read_nobody_is_asked() -> None:
    question = replace(Question(KEY, KEY, "first", "127.0.0.1", 1), tls_secret="dask-tls")
    with pytest.raises(Barred, match="DaskCluster default/simple speaks TLS"):
        ask(question, SchedulerAnswer("first"))
