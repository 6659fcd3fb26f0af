import http.client
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, Gauge

from reconciler.daemon.endpoints import (
    Probe,
    ServerError,
    Verdict,
    application,
    liveness,
    patience,
    readiness,
    serving,
)

SECOND = timedelta(seconds=1)
WELL = Verdict(ok=True, words="alive: the last pass returned 3 s ago")
ILL = Verdict(ok=False, words="not ready: no list yet")
PROBES: dict[str, Probe] = {"/healthz": lambda: WELL, "/readyz": lambda: ILL}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server on a free port, with a metric."""
    registry = CollectorRegistry()
    Gauge("answer", "The answer.", registry=registry).set(42)
    with serving("127.0.0.1", 0, application(registry, PROBES)) as port:
        yield port


def asked(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.headers)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/healthz", 200, f"{WELL.words}\n"),
        ("/readyz", 503, f"{ILL.words}\n"),
        ("/readyz?verbose=1", 503, f"{ILL.words}\n"),
        ("/", 404, "there is nothing here; there are /healthz, /readyz, /metrics\n"),
        ("/healthz/x", 404, "there is nothing here; there are /healthz, /readyz, /metrics\n"),
    ],
)
def test_probes_are_answered_with_a_status_and_why(port: int, path: str, status: int, body: str) -> None:
    """A probe's answer says in words why it is what it is; another path lists those that are there."""
    assert asked(port, path)[:2] == (status, body)


def test_metrics_are_served_in_the_format_that_is_asked_for(port: int) -> None:
    """Prometheus' text by default, OpenMetrics if it is accepted."""
    status, body, headers = asked(port, "/metrics")
    assert (status, "answer 42.0" in body) == (200, True)
    assert headers["Content-Type"].startswith("text/plain; version=")
    _, body, headers = asked(port, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert body.endswith("# EOF\n")
    assert headers["Content-Type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nowhere"])
def test_head_is_get_without_the_body(port: int, path: str) -> None:
    """HEAD has the status and headers of GET, and nothing else."""
    status, body, headers = asked(port, path)
    bare = asked(port, path, "HEAD")
    assert bare[:2] == (status, "")
    assert bare[2]["Content-Length"] == headers["Content-Length"] == str(len(body.encode()))


def test_other_methods_are_refused(port: int) -> None:
    """Nothing can be changed over this port."""
    assert asked(port, "/healthz", "POST")[0] == 405


def test_a_client_that_says_nothing_does_not_keep_others_waiting(port: int) -> None:
    """Every connection has a thread of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        assert asked(port, "/healthz")[0] == 200


def test_a_port_in_use_is_told_with_the_settings_that_change_it(port: int) -> None:
    """The error names address, port, reason and remedy."""
    with (
        pytest.raises(ServerError) as caught,
        serving("127.0.0.1", port, application(CollectorRegistry(), PROBES)),
    ):
        pass
    assert str(caught.value) == (
        f"Cannot listen on 127.0.0.1 port {port}: Address already in use. Choose another with --port or --bind "
        "(DASK_RECONCILER_PORT, DASK_RECONCILER_BIND); port 0 means any free one."
    )


def test_the_port_is_free_again_afterwards() -> None:
    """A server that has ended leaves nothing behind."""
    app = application(CollectorRegistry(), PROBES)
    with serving("127.0.0.1", 0, app) as port:
        assert asked(port, "/healthz")[0] == 200
    with serving("127.0.0.1", port, app) as again:
        assert again == port


def has_ipv6() -> bool:
    """Whether IPv6 works here: Python may know it where the machine has none."""
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_can_be_listened_on() -> None:
    """`--bind ::` works where Pods have only IPv6 addresses."""
    with serving("::", 0, application(CollectorRegistry(), PROBES)) as port:
        connection = http.client.HTTPConnection("::1", port, timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


@pytest.mark.parametrize(
    ("interval", "bound"), [(0.1, 70 * SECOND), (5, 70 * SECOND), (6.5, 75 * SECOND), (60, 610 * SECOND)]
)
def test_there_may_be_no_sign_of_life_for_a_while(interval: float, bound: timedelta) -> None:
    """Patience is at least a minute and the longest request, and grows with the interval."""
    assert patience(interval, 10) == bound


@pytest.mark.parametrize(
    ("since_start", "since_attempt", "words", "ok"),
    [
        (0, None, "alive: started 0 s ago, the first pass is under way", True),
        (60, None, "alive: started 60 s ago, the first pass is under way", True),
        (61, None, "stuck: 61 s since the start, and nothing has returned yet; at most 60 s is normal", False),
        (999, 60, "alive: a pass or a request returned 60 s ago", True),
        (999, 61, "stuck: 61 s since anything returned; at most 60 s is normal", False),
    ],
)
def test_the_process_lives_while_passes_return(
    since_start: int,
    since_attempt: int | None,
    words: str,
    ok: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Whatever passes bring, they must return within the bound, and the first one too."""
    attempt = None if since_attempt is None else 1000.0 - since_attempt
    assert liveness(1000.0, 1000.0 - since_start, attempt, 60 * SECOND) == Verdict(ok, words)


def test_the_process_is_ready_once_it_has_listed_everything() -> None:
    """Before the first full list it is not ready, and says so."""
    assert not readiness(listed_once=False).ok
    assert "the log says why" in readiness(listed_once=False).words
    assert readiness(listed_once=True).ok
