from datetime import timedelta
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reconciler.local.display.rows import Row, rows
from reconciler.local.display.table import LEAST_LINES, LINES_FOR_LOGS, age, table
from tests.builders import NOON, cluster
from tests.manifests import pod_spec
from tests.simulation.kubelet import CRASHING
from tests.simulation.world import World

SOON = NOON + timedelta(seconds=5)
WHY = "Crashed: CrashLoopBackOff, exit code 1 (Error): ModuleNotFoundError: No module named 'model', as train.py needs."
CLUSTER = Row("daskcluster/simple", 0, "Running", "1/2", None, NOON, "1 of 2 workers is not ready.", "bad")
SCHEDULER = Row("pod/simple-scheduler", 1, "Running", "1/1", 0, NOON, "", "good", "1 CPU, 2Gi")
WORKER = Row("pod/simple-worker-group-0123456789", 2, "Running", "1/1", 0, NOON, "", "good", "2 CPU, 4Gi")
CRASHED = Row("pod/simple-worker-b", 2, "CrashLoopBackOff", "0/1", 3, NOON, WHY, "bad", "2 CPU, 4Gi")
STARTING = Row("pod/simple-worker-c", 2, "Pending", "0/1", 0, NOON, "Must wait.", "busy")
OVER = Row("pod/train-runner", 0, "Succeeded", "0/1", 0, NOON, "Ended: exit code 0.", "over")

WIDE = """\
  Resource                         Phase             Ready  Restarts  Age  Requests    Reason
✗ daskcluster/simple               Running           1/2              5s               1 of 2 workers is not ready.
✓   pod/simple-scheduler           Running           1/1    0         5s   1 CPU, 2Gi
✓     pod/simpl..group-0123456789  Running           1/1    0         5s   2 CPU, 4Gi
✗     pod/simple-worker-b          CrashLoopBackOff  0/1    3         5s   2 CPU, 4Gi  Crashed: CrashLoopBackOff, \
exit code 1
                                                                                       (Error): \
ModuleNotFoundError: No …
…     pod/simple-worker-c          Pending           0/1    0         5s               Must wait.
■ pod/train-runner                 Succeeded         0/1    0         5s               Ended: exit code 0."""

NARROW = """\
  Resource                Phase             Ready  Restarts
x daskcluster/simple      Running           1/2
    1 of 2 workers is not ready.
+   pod/simple-scheduler  Running           1/1    0
+     pod/s..-0123456789  Running           1/1    0
x     pod/s..le-worker-b  CrashLoopBackOff  0/1    3
        Crashed: CrashLoopBackOff, exit code 1 (Error):
        ModuleNotFoundError: No module named 'model', ...
.     pod/s..le-worker-c  Pending           0/1    0
        Must wait.
- pod/train-runner        Succeeded         0/1    0"""

ALL = (CLUSTER, SCHEDULER, WORKER, CRASHED, STARTING, OVER)


def drawn(rows: tuple[Row, ...], width: int, height: int | None = None, encoding: str = "utf-8") -> list[str]:
    return [line.plain for line in table(rows, width, height, SOON, encoding)]


def test_with_room_reasons_have_a_column() -> None:
    """A long one takes two lines, and a long name loses its middle."""
    assert drawn(ALL, 128) == WIDE.splitlines()


def test_without_room_reasons_stand_below_their_rows() -> None:
    """Only those that matter; names lose their middle, and everything else can still be read at 60 columns in ASCII."""
    assert drawn(ALL, 60, encoding="ascii") == NARROW.splitlines()


def test_a_reason_below_its_row_is_told_by_the_row_that_it_is_about() -> None:
    """What only repeats that a Pod is starting is left out; trouble is told twice rather than not at all."""
    busy = Row("daskcluster/simple", 0, "Running", "0/1", None, NOON, "1 worker is not ready.", "busy")
    waits = Row("pod/p", 1, "Pending", "0/1", 0, NOON, "Must wait.", "busy")
    assert drawn((busy, waits), 60)[1:] == [
        "… daskcluster/simple  Running  0/1              5s",
        "…   pod/p             Pending  0/1    0         5s",
        "      Must wait.",
    ]
    assert drawn((busy, SCHEDULER), 70)[2] == "    1 worker is not ready."


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_how_a_cluster_is_reached_is_seen_at_any_width(width: int) -> None:
    """Below its row, and whole; reasons may be cut or left out."""
    way = 'Client("localhost:8786"), dashboard http://localhost:8787/status'
    reached = Row("daskcluster/simple", 0, "Running", "2/2", None, NOON, WHY, "good", way=way)
    lines = drawn((reached, SCHEDULER), width)
    end = next(number for number, line in enumerate(lines) if SCHEDULER.resource[-4:] in line)
    begin = next(number for number, line in enumerate(lines) if "Client" in line)
    assert " ".join(" ".join(lines[begin:end]).split()) == way
    assert all(line.startswith("    ") for line in lines[begin:end])


def test_a_table_of_nothing_is_empty() -> None:
    """It has no head either."""
    assert drawn((), 100) == []


def test_columns_that_hold_nothing_are_left_out() -> None:
    """Nobody requested anything, and there are only clusters."""
    (head, _) = drawn((Row("daskcluster/c", 0, "Created", "", None, NOON, "", "busy"),), 100)
    assert head == "  Resource       Phase    Age"


def test_namespaces_are_told_if_there_are_several() -> None:
    """In front of the name."""
    other = Row("daskcluster/simple", 0, "Running", "1/2", None, NOON, "", "good", namespace="ml")
    assert [line.split()[1] for line in drawn((CLUSTER, other), 100) if "dask" in line] == [
        "default/daskcluster/simple",
        "ml/daskcluster/simple",
    ]


@pytest.mark.parametrize(
    ("height", "shown", "last"),
    [
        (LINES_FOR_LOGS + 21, 20, None),
        (LINES_FOR_LOGS + 20, 18, "… 2 more rows"),
        (10, 5, "… 15 more rows"),
        (1, LEAST_LINES - 2, "… 18 more rows"),
        (None, 20, None),
    ],
)
def test_a_table_leaves_room_for_logs(height: int | None, shown: int, last: str | None) -> None:
    """What does not fit is counted; without a height everything fits."""
    lines = drawn((OVER,) * 20, 100, height)
    rest = [] if last is None else [last]
    assert lines[1:] == [drawn((OVER,), 100)[1]] * shown + rest
    assert height is None or len(lines) <= max(height - LINES_FOR_LOGS, LEAST_LINES)


def test_trouble_that_is_cropped_is_told() -> None:
    """Or nobody would look for it."""
    assert drawn((SCHEDULER,) * 20 + (CRASHED, CRASHED), 100, 10)[-1] == "… 17 more rows, 2 of them in trouble"


texts = st.text(st.characters(codec="utf-8"), max_size=60)
anything = st.builds(
    Row,
    texts,
    st.integers(0, 3),
    texts,
    st.sampled_from(["", "2/2"]),
    st.none() | st.integers(0, 2000),
    st.none() | st.just(NOON),
    texts,
    st.sampled_from(["good", "busy", "bad", "over"]),
    texts,
    st.sampled_from(["default", "ml"]),
)


@given(
    st.lists(anything, max_size=12).map(tuple),
    st.integers(20, 200),
    st.none() | st.integers(1, 50),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_a_table_always_fits(rows: tuple[Row, ...], width: int, height: int | None, encoding: str) -> None:
    """Whatever rows hold: no line is as wide as the terminal, there are not too many, and all can be written."""
    lines = drawn(rows, width, height, encoding)
    assert all(cell_len(line) < width for line in lines)
    assert not any(category(character) == "Cc" for line in lines for character in line)
    assert all(line.encode(encoding) for line in lines)
    if height is not None:
        assert len(lines) <= max(height - LINES_FOR_LOGS, LEAST_LINES)


def test_state_is_told_without_colour() -> None:
    """Each has a symbol of its own, in ASCII too."""
    for encoding in ("utf-8", "ascii"):
        signs = [line[0] for line in drawn((SCHEDULER, STARTING, CRASHED, OVER), 300, encoding=encoding)[1:]]
        assert len(set(signs)) == 4


def test_a_real_cluster_fits_a_small_terminal() -> None:
    """Three workers crash: 24 lines of 80 columns show all of it."""
    world = World(cluster(worker={"spec": pod_spec(CRASHING)}))
    for _ in range(2):
        world.tick()
        world.kubelet.step()
    lines = drawn(rows(world.api), 80, 24)
    assert sum("Failed: exit code 1." in line for line in lines) == 3
    assert not lines[-1].startswith("…")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172799, "47h"), (172800, "2d")],
)
def test_an_age_has_one_unit(seconds: int, words: str) -> None:
    """The next larger one from two of it on."""
    assert age(NOON, NOON + timedelta(seconds=seconds)) == words
    assert age(None, NOON) == ""
