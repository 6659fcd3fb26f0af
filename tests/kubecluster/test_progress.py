"""What people see while a cluster starts."""

import io
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from kubecluster.diagnosis import diagnose
from kubecluster.progress import Progress, Row, html, rows
from tests.builders import cluster
from tests.kubecluster.notebooks import Notebook
from tests.kubecluster.sights import CREATING, NOON, event, group, homeless, looked, scheduler, sight, worker
from tests.manifests import pod_spec
from tests.simulation.kubelet import FULL
from tests.simulation.world import World
from tests.unit.local.display import Stream, surround

TITLE = "Creating the Dask cluster simple"
WAITING = Row("pod/simple-scheduler", "busy", "The scheduler Pod must wait.", "0/1")
READY = Row("pod/simple-scheduler", "good", "The scheduler Pod is ready.", "1/1")
WRONG = Row("daskworkergroup/simple", "bad", "2 of 2 workers are not ready: [red]x[/] & <b>", "0/2")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    surround(monkeypatch)


def test_there_is_a_row_for_each_part_of_a_cluster_from_first_to_last() -> None:
    """What does not exist yet has one too, so that nothing jumps; the cluster refers to its parts."""
    world = World(cluster(replicas=2))
    seen = []
    for _ in range(6):
        found = looked(world)
        seen.append([(row.resource, row.state, row.ready) for row in rows(found, diagnose(NOON, found))])
        world.tick()
    names = ["daskcluster/simple", "pod/simple-scheduler", "service/simple-service"]
    groups = "daskworkergroup/simple-default-worker-group"
    assert [[row[0] for row in each] for each in seen[1:]] == [[*names, groups]] * 5
    assert [row[1:] for row in seen[0]] == [("busy", "0/2"), ("busy", "0/1"), ("busy", "0/1"), ("busy", "0/2")]
    assert [row[1:] for row in seen[-1]] == [("good", "2/2"), ("good", "1/1"), ("good", "1/1"), ("good", "2/2")]


def test_what_is_wrong_is_told_from_what_takes_its_time() -> None:
    """`bad` is what does not pass by itself."""
    full = sight(scheduler(), worker(1, homeless("0/1 nodes are available: 1 Insufficient cpu.")), worker(2, CREATING))
    assert [row.state for row in rows(full, diagnose(NOON, full))] == ["bad", "good", "good", "bad"]
    starting = sight(scheduler(CREATING), groups=(group(workers=0),))
    whole, pod, *_ = rows(starting, diagnose(NOON, starting))
    assert (whole.state, whole.reason) == ("busy", "Waits for its scheduler.")
    told = "The scheduler Pod simple-scheduler must wait for the containers: ContainerCreating."
    assert (pod.state, pod.reason) == ("busy", told)
    gone = sight(cluster=None)
    assert [row.state for row in rows(gone, diagnose(NOON, gone))] == ["bad"]


def test_a_change_is_a_line_where_there_is_no_terminal() -> None:
    """The title once, then each row that looks different, and nothing where nothing has changed."""
    file, world = io.StringIO(), World(cluster(replicas=0, worker={"spec": pod_spec(FULL)}))
    with Progress(TITLE, quiet=False, stream=file) as progress:
        for _ in range(8):
            world.tick()
            found = looked(world)
            progress.show(rows(found, diagnose(NOON, found)))
        progress.close("It is ready after 40 s.")
        progress.show([WRONG])
    lines = file.getvalue().splitlines()
    assert (lines[0], lines[-1]) == (TITLE, "It is ready after 40 s.")
    pod = "The scheduler Pod simple-scheduler"
    assert [line.removeprefix("pod/simple-scheduler ") for line in lines if "pod/" in line] == [
        f"0/1: {pod} must wait to be scheduled.",
        f"0/1: {pod} must wait for the node to start the containers.",
        f"0/1: {pod} started, but did not pass the readiness probe yet.",
        f"1/1: {pod} is ready.",
    ]
    assert len(lines) == len(set(lines))


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On every stream, and in a notebook."""
    notebook, terminal = Notebook(), Stream()
    for stream in (None, terminal):
        notebook.start(monkeypatch)
        with Progress(TITLE, quiet=True, stream=stream) as progress:
            progress.show([WAITING])
            progress.close("Done.")
    assert (notebook.outputs, terminal.getvalue(), capsys.readouterr()) == ({}, "", ("", ""))


class Cells(HTMLParser):
    """The texts of a table's cells, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.caption = ""
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("table", "caption", "tbody", "tr", "td"), (tag, attrs)
        self._tag = tag
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self._tag == "caption":
            self.caption += data
        else:
            self.rows[-1][-1] += data


def test_html_has_every_text_as_it_is() -> None:
    """Whatever stands in a message is text, not markup."""
    cells = Cells(html([READY, WRONG], "a <script> & 'b'"))
    assert cells.caption == "a <script> & 'b'"
    assert cells.rows == [
        ["✓", "pod/simple-scheduler", "1/1", "The scheduler Pod is ready."],
        ["✗", "daskworkergroup/simple", "0/2", WRONG.reason],
    ]


def test_a_notebook_has_one_table_that_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the cell in which it was entered, with a text for what shows no HTML; nothing on standard error."""
    notebook = Notebook()
    notebook.start(monkeypatch)
    with Progress(TITLE, quiet=False) as progress:
        assert [Cells(output["text/html"]).caption for output in notebook.outputs.values()] == [TITLE]
        progress.show([WAITING])
        progress.show([READY])
        progress.close("ready after 3 s.")
        progress.show([WRONG])
    (output,) = notebook.outputs.values()
    cells = Cells(output["text/html"])
    assert cells.caption == "ready after 3 s."
    assert [row[1:3] for row in cells.rows] == [["pod/simple-scheduler", "1/1"]]
    assert "✓ pod/simple-scheduler 1/1 The scheduler Pod is ready." in output["text/plain"]
    assert capsys.readouterr() == ("", "")


def test_a_notebook_that_fails_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried again either."""
    notebook = Notebook()
    notebook.start(monkeypatch)
    with Progress(TITLE, quiet=False) as progress:
        notebook.is_broken = True
        progress.show([WAITING])
        notebook.is_broken = False
        progress.show([READY])
    assert [Cells(output["text/html"]).rows for output in notebook.outputs.values()] == [[]]


def test_ipython_on_a_terminal_is_no_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard error is used, as in a script; and so is a stream that is asked for, even in a notebook."""
    notebook = Notebook()
    notebook.start(monkeypatch, has_kernel=False)
    with Progress(TITLE, quiet=False):
        pass
    assert capsys.readouterr() == ("", f"{TITLE}\n")
    notebook.start(monkeypatch)
    file = io.StringIO()
    with Progress(TITLE, quiet=False, stream=file):
        pass
    assert (file.getvalue(), notebook.outputs) == (f"{TITLE}\n", {})


def test_nothing_is_imported_that_takes_long() -> None:
    """Rich not before a terminal needs it, IPython and the packages of Dask and Kubernetes never."""
    program = (
        "import io, sys\n"
        "from kubecluster.progress import Progress\n"
        "with Progress('x', quiet=False, stream=io.StringIO()): pass\n"
        "slow = 'rich', 'IPython', 'distributed', 'dask', 'kubernetes', 'yaml'\n"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_events_have_their_say() -> None:
    """A row quotes what an Event tells, as the verdict does."""
    pulling = event("Pod/simple-scheduler", "Pulling", 'Pulling image "x"', "Normal")
    found = sight(scheduler(CREATING), events=(pulling,))
    assert 'Pulling image "x"' in rows(found, diagnose(NOON, found))[1].reason
