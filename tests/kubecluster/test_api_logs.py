"""A log that is followed: no line is lost and none comes twice, however often the stream breaks."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster.api.logs import Seen
from kubecluster.errors import NotAllowed, RequestFailed, Unreachable
from tests.http.rawserver import CHUNKED, Connection, RawServer, Received, answer
from tests.kubecluster.calls import Act, connected, refused

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LINES = [f"2026-01-01T12:00:0{number // 3}.{number:09d}Z line {number}\n" for number in range(12)]
WHOLE = [f"line {number}" for number in range(12)]


def pod(state: str, identity: str = "first") -> Act:
    """A Pod whose container is in a state."""
    status = {"containerStatuses": [{"name": "main", "state": {state: {}}, "containerID": identity}]}
    spec = {"containers": [{"name": "main"}]}
    return answer(json.dumps({"kind": "Pod", "spec": spec, "status": status}).encode())


def asked_from(request: Received) -> str:
    """From when on a log is asked for."""
    return parse_qs(urlsplit(request.target).query).get("sinceTime", [""])[0]


def stream(text: str, *, ends: bool = True) -> Act:
    """A log from the second that is asked for; it ends, or breaks."""

    def act(connection: Connection) -> bool:
        since = asked_from(connection.raw.received[-1])[:19]
        asked = "".join(line for line in text.splitlines(keepends=True) if line[:19] >= since)
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + CHUNKED)
        for part in (asked[:7], asked[7:]):
            if data := part.encode():
                connection.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        connection.wfile.write(b"0\r\n\r\n" if ends else b"")
        return ends

    return act


class Server(RawServer):
    """Pods as they are one after the other, and streams as they are one after the other."""

    def __init__(self, pods: list[Act], streams: list[Act]) -> None:
        super().__init__(self._act)
        self._scripts = {"pods": pods, "log": streams}

    def _act(self, connection: Connection) -> bool:
        target = urlsplit(self.received[-1].target).path
        script = self._scripts["log" if target.endswith("/log") else "pods"]
        return (script.pop(0) if len(script) > 1 else script[0])(connection)

    @property
    def since(self) -> list[str]:
        """From when on the log was asked for."""
        return [asked_from(one) for one in self.received if "/log?" in one.target]


def followed(folder: Path, pods: list[Act], streams: list[Act], timeout_seconds: float = 5) -> tuple[list[str], Server]:
    """The lines that came, and the server."""
    with Server(pods, streams) as server, connected(folder, server.url, timeout_seconds) as api:
        return list(api.follow_log("ns", "p")), server


def test_a_log_is_followed_to_its_end(tmp_path: Path) -> None:
    """The lines come without their timestamps, and after the container's end the log is asked for what may be left."""
    lines, server = followed(tmp_path, [pod("running"), pod("terminated")], [stream("".join(LINES))])
    assert lines == WHOLE
    assert server.since == ["", "2026-01-01T12:00:02Z"]


def test_a_stream_that_breaks_is_opened_again(tmp_path: Path) -> None:
    """What was cut comes whole, what comes again is left out, and nothing is asked for from the start."""
    broken = stream("".join(LINES[:8])[:-5], ends=False)
    pods = [pod("running"), pod("running"), pod("terminated")]
    lines, server = followed(tmp_path, pods, [broken, stream("".join(LINES[3:]))])
    assert lines == WHOLE
    assert server.since == ["", "2026-01-01T12:00:01Z", "2026-01-01T12:00:02Z"]


def test_a_stream_that_ends_while_the_container_runs_is_opened_again(tmp_path: Path) -> None:
    """A proxy may end what is silent."""
    pods = [pod("running"), pod("running"), pod("terminated")]
    lines, _ = followed(tmp_path, pods, [stream("".join(LINES[:2])), stream("".join(LINES))])
    assert lines == WHOLE


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_is_away_for_a_while_is_waited_for(tmp_path: Path, status: int) -> None:
    """While the server cannot serve the log, it is asked again."""
    streams = [stream(LINES[0], ends=False), refused(status), refused(status), stream("".join(LINES))]
    lines, _ = followed(tmp_path, [pod("running"), pod("running"), pod("terminated")], streams)
    assert lines == WHOLE


def test_a_server_that_stays_away_is_told(tmp_path: Path) -> None:
    """After the timeout the error is raised, with the lines so far handed on."""
    lines = []
    streams = [stream(LINES[0], ends=False), refused(502, "no kubelet")]
    told = pytest.raises(Unreachable, match="no kubelet")
    with Server([pod("running")], streams) as server, connected(tmp_path, server.url, 0.5) as api, told:
        for line in api.follow_log("ns", "p"):
            lines.append(line)  # noqa: PERF402 -- those before the error
    assert lines == ["line 0"]


@pytest.mark.parametrize("gone", [refused(404, "not found"), pod("running", "second"), pod("waiting")])
def test_the_container_after_a_restart_is_another(tmp_path: Path, gone: Act) -> None:
    """A log ends with its container, also when the Pod is gone or has begun another one."""
    lines, _ = followed(tmp_path, [pod("running"), gone], [stream("".join(LINES)), refused(404, "not found")])
    assert lines == WHOLE


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (refused(400, "container is waiting to start"), RequestFailed),
        (refused(403, 'User "u" cannot get resource "pods/log"', "Forbidden"), NotAllowed),
        (refused(404, 'pods "p" not found'), RequestFailed),
    ],
)
def test_a_log_that_cannot_be_had_is_told(tmp_path: Path, act: Act, expected: type[Exception]) -> None:
    """What is refused at first will not be had later."""
    with pytest.raises(expected):
        followed(tmp_path, [pod("waiting")], [act])


def test_a_last_line_without_an_end_is_a_line(tmp_path: Path) -> None:
    """A program may end without a newline, and may write what is no UTF-8 and has no timestamp."""
    lines, _ = followed(tmp_path, [pod("running"), pod("terminated")], [stream("odd\n" + LINES[0] + LINES[1][:-1])])
    assert lines[:3] == ["odd", "line 0", "line 1"]


moments = st.lists(st.integers(0, 5_000), max_size=40).map(sorted)
jitter = st.lists(st.integers(0, 900), min_size=40, max_size=40)


@given(moments, jitter, st.lists(st.integers(0, 40), max_size=4))
def test_no_line_is_lost_or_repeated(times: list[int], late: list[int], cuts: list[int]) -> None:
    """Wherever a stream is cut, and however equal its lines are or out of order by less than a second."""
    stamps = [START + timedelta(milliseconds=time + delay) for time, delay in zip(times, late, strict=False)]
    written = [f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z {at.microsecond % 2}".encode() for at in stamps]
    seen, handed_on = Seen(), []
    for cut in [*sorted(cuts), len(written)]:
        seen.resume()
        served = [line for line in written[:cut] if line[:19].decode() >= seen.since[:19]]
        handed_on += [line for line in served if seen.is_new(line)]
    assert handed_on == written
