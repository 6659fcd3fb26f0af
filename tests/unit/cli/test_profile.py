"""What a pass cost, as people and programs read it."""

import io
import json

import yaml
from rich.console import Console

from reconciler.cli import profile
from reconciler.cli.render import Output, show
from reconciler.passes.cost import Cost
from reconciler.passes.values import PassResult

COSTS = (
    Cost("fetch", "pods", 0.5, 0.1, bytes=3 << 20),
    Cost("parse", "pods", 0.2, 0.2, objects=10),
    Cost("desire", "", 0.125, 0.125),
    Cost("parse", "pods", 0.1, 0.1, objects=5),
    Cost("desire", "", 0.25, 0.25),
)
RESULT = PassResult(None, costs=COSTS, seconds={"observe": 0.75, "desire": 0.375})


def test_rounds_and_namespaces_are_added_up() -> None:
    """A stage is told once, however many rounds or lists it had, in the order of their first."""
    fetch, parse, desire = profile.merged(COSTS)
    assert (desire.seconds, desire.cpu_seconds) == (0.375, 0.375)
    assert (parse.what, parse.objects, round(parse.seconds, 3)) == ("pods", 15, 0.3)
    assert fetch.bytes == 3 << 20


def test_a_table_shows_each_stage_and_the_whole_pass() -> None:
    """Times are in seconds, sizes in MiB; the last line has the pass, and the most memory that it took."""
    stream = io.StringIO()
    Console(file=stream, width=100).print(profile.table(COSTS, RESULT.seconds))
    head, fetch, parse, desire, whole = (line.split() for line in stream.getvalue().splitlines())
    assert head == ["stage", "seconds", "CPU", "objects", "MiB"]
    assert fetch == ["fetch", "pods", "0.500", "0.100", "3.0"]
    assert parse == ["parse", "pods", "0.300", "0.300", "15"]
    assert desire == ["desire", "0.375", "0.375"]
    assert whole[:3] == ["pass", "1.125", "0.775"]
    assert whole[-4:] == ["at", "most", "in", "memory"]


def test_programs_read_it_beside_the_pass() -> None:
    """JSON and YAML have a `profile` if that is asked for, and none otherwise."""
    for output, read in ((Output.JSON, json.loads), (Output.YAML, yaml.safe_load)):
        stream = io.StringIO()
        show(RESULT, output, stream, rehearsed=False, profiled=True)
        told = read(stream.getvalue())["profile"]
        assert told["seconds"] == 1.125
        assert told["peakMemoryBytes"] > 1 << 20
        assert told["stages"][0] == {
            "stage": "fetch",
            "what": "pods",
            "seconds": 0.5,
            "cpuSeconds": 0.1,
            "objects": 0,
            "bytes": 3 << 20,
        }
    stream = io.StringIO()
    show(RESULT, Output.JSON, stream, rehearsed=False)
    assert "profile" not in json.loads(stream.getvalue())
