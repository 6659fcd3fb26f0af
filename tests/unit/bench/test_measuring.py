"""What `make bench` tells from what it measured."""

import json
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.bench.picture import Curve, plot
from tests.bench.stage import IMAGE
from tests.bench.table import Row, markdown, percentiles
from tests.bench.trail import Trail


def _line(verb: str, resource: str, name: str, second: int, *, by: tuple[str, int] = ("admin", 201)) -> str:
    """A line of an audit log."""
    place, _, part = resource.partition("/")
    event = {
        "verb": verb,
        "user": {"username": by[0]},
        "objectRef": {"resource": place, "namespace": "here", "name": name} | ({"subresource": part} if part else {}),
        "responseStatus": {"code": by[1]},
        "stageTimestamp": f"2026-01-31T12:00:{second:02}.500000Z",
    }
    return json.dumps(event, separators=(",", ":")) + "\n"


def test_a_trail_tells_when_pods_were_created_and_when_they_ran(tmp_path: Path) -> None:
    """Only writes that succeeded count, and of a Pod's status kwok's first."""
    log = tmp_path / "audit.log"
    lines = (
        _line("create", "pods", "p", 1),
        _line("create", "pods", "q", 2, by=("admin", 409)),
        _line("list", "pods", "", 3),
        _line("patch", "pods/status", "p", 4, by=("kwok", 200)),
        _line("patch", "pods/status", "p", 5, by=("kwok", 200)),
    )
    log.write_text("".join(lines))
    with closing(Trail(log)) as trail:
        created, started = trail.created_pods("here"), trail.started_pods("here")
    assert (list(created), list(started)) == (["p"], ["p"])
    assert started["p"] - created["p"] == 3
    assert not created.keys() & {"q"}


def test_a_line_that_is_still_being_written_is_read_later(tmp_path: Path) -> None:
    """A log is read while the server writes it."""
    log = tmp_path / "audit.log"
    line = _line("create", "pods", "p", 1)
    log.write_text(line[:40])
    with closing(Trail(log)) as trail:
        assert trail.created_pods("here") == {}
        with log.open("a") as file:
            file.write(line[40:])
        assert list(trail.created_pods("here")) == ["p"]


def test_percentiles_of_few_are_the_worst() -> None:
    """With fewer than a hundred samples the 99th percentile is the worst one, and their number is told."""
    assert percentiles([0.1, 0.2, 0.9]) == "p50 200 ms, p99 900 ms (3)"
    assert percentiles([0.01] * 990 + [2.0] * 10) == "p50 10 ms, p99 2.0 s (1000)"


def test_a_table_is_markdown_with_machine_and_versions() -> None:
    """A row has five cells, and what it was measured with stands below."""
    lines = markdown([Row("a. work", "1.0 s", "1.2 s", "1.20", "1.25 x floor")]).splitlines()
    assert lines[2] == "| a. work | 1.0 s | 1.2 s | 1.20 | 1.25 x floor |"
    assert {line.count("|") for line in lines[:3]} == {6}
    assert any("cores of" in line for line in lines)
    assert any("Kubernetes v" in line for line in lines)


def test_a_picture_has_a_panel_for_each_curve() -> None:
    """It is well-formed SVG; the last point of a curve is the highest of linear growth."""
    picture = ET.fromstring(plot("clusters", [Curve("time", (1, 2, 4), (1, 2, 4)), Curve("memory", (1, 2), (3, 3))]))
    curves = [element.get("points", "") for element in picture.iter("{http://www.w3.org/2000/svg}polyline")]
    assert len(curves) == 2
    (_, low), (_, middle), (_, high) = (map(float, point.split(",")) for point in curves[0].split())
    assert abs((low - middle) * 2 - (middle - high)) < 0.2


def test_the_daemon_is_measured_as_the_image_runs_it() -> None:
    """What the image sets for the sake of memory is set where memory is measured."""
    dockerfile = (Path(__file__).parents[3] / "Dockerfile").read_text()
    assert all(f"{name}={value}" in dockerfile for name, value in IMAGE.items())
