from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color

from reconciler.local.containers.logs import Line
from reconciler.local.display.rows import Row
from reconciler.local.display.screen import POD_COLOURS, STYLES, Screen, Style, pod_colour
from tests.builders import NOON
from tests.simulation.clock import Clock
from tests.unit.local.display import Direct, Stream, drawn, shown, surround

SCHEDULER = Row("pod/simple-scheduler", 0, "Pending", "0/1", 0, NOON, "Must wait.", "busy")
UP = Row("pod/simple-scheduler", 0, "Running", "1/1", 0, NOON, "", "good")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    surround(monkeypatch)


def test_logs_and_words_scroll_above_the_table() -> None:
    """The last table is left below all of them, once, and the cursor is given back."""
    terminal, clock = Stream(), Clock()
    screen = Screen(terminal, terminal, now=clock, outlet=Direct)
    screen.say("Before the table.")
    for number in range(3):
        clock.advance(1)
        screen.show([SCHEDULER])
        screen.log(Line("simple-scheduler", None, f"line {number}"))
        screen.say(f"word {number}", "good")
    clock.advance(1)
    screen.show([UP])
    screen.close()
    screen.close()
    screen.say("After it.")
    logged = [text for number in range(3) for text in (f"[simple-scheduler] line {number}", f"word {number}")]
    assert shown(terminal.getvalue()) == ["Before the table.", *logged, *drawn(UP, after=4), "After it.", ""]


def apart(style: Style) -> list[str]:
    """What stands before words of a style."""
    return [""] if style == "headline" else []


Happening = Callable[[Screen], None]
LONG = "long " * 50


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["log", "say", "show"]),
            st.integers(0, 6),
            st.sampled_from(["", "short", LONG, "[bold]not markup[/bold]", "\x1b[2J\x1b[Hwild\x07"]),
            st.sampled_from([0.0, 0.05, 0.2, 3.0]),
        ),
        max_size=30,
    )
)
def test_whatever_happens_nothing_is_torn(happenings: list[tuple[str, int, str, float]]) -> None:
    """All that was logged and said stands there in its order, with the last table below it and no other."""
    terminal, clock = Stream(), Clock()
    screen = Screen(terminal, terminal, now=clock, outlet=Direct)
    expected: list[str] = []
    last: tuple[Row, ...] = ()
    for what, number, text, seconds in happenings:
        readable = text.replace("\x1b[2J\x1b[H", "").replace("\x07", "")
        if what == "log":
            screen.log(Line("p", "main" if number % 2 else None, text))
            expected.append(f"[p{'/main' if number % 2 else ''}] {readable}".rstrip())
        elif what == "say":
            style = list(STYLES)[number % len(STYLES)]
            screen.say(text, style)
            expected += [*apart(style), readable.rstrip()]
        else:
            last = tuple(Row(f"pod/p{each}", 0, "Running", "", 0, None, "", "good") for each in range(number))
            screen.show(last)
        clock.advance(seconds)
    screen.close()
    lines = shown(terminal.getvalue())
    assert lines.pop() == ""
    if not last and lines != expected:  # older versions of rich end a table of nothing with an empty line
        assert lines.pop() == ""
    assert lines == [*expected, *drawn(*last)]


def test_a_table_is_not_drawn_more_often_than_it_can_be_read() -> None:
    """Eight times a second at most, and what came in between is not lost."""
    terminal, clock = Stream(), Clock()
    screen = Screen(terminal, terminal, now=clock, outlet=Direct)
    for number in range(200):
        screen.show([Row("pod/p", 0, f"Phase{number}", "", 0, None, "", "busy")])
        screen.log(Line("p", None, f"{number}"))
        clock.advance(0.01)
    assert 14 <= terminal.getvalue().count("Resource") <= 17
    clock.advance(0.2)
    screen.show([Row("pod/p", 0, "Phase199", "", 0, None, "", "busy")])
    assert "[p]\x1b[0m 199" in terminal.getvalue()
    assert "Phase199" in terminal.getvalue()


def test_a_table_in_which_only_ages_change_is_drawn_once_a_second() -> None:
    """In between nothing at all is written."""
    terminal, clock = Stream(), Clock()
    screen = Screen(terminal, terminal, now=clock, outlet=Direct)
    screen.show([UP])
    assert "0s" in terminal.take()
    for _ in range(9):
        clock.advance(0.1)
        screen.show([UP])
    assert terminal.take() == ""
    clock.advance(0.2)
    screen.show([UP])
    assert "1s" in terminal.take()


def test_a_picture_that_could_not_be_written_is_replaced_by_a_newer_one() -> None:
    """None is drawn while nobody reads; then the table is as it is now, with all that was said above it."""
    terminal, clock = Stream(), Clock()
    outlet = Direct(terminal)
    screen = Screen(terminal, terminal, now=clock, outlet=lambda _: outlet)
    screen.say("first")
    screen.show([SCHEDULER])
    before = terminal.getvalue()
    outlet.is_free = False
    for number in range(20):
        clock.advance(1)
        screen.show([Row("pod/p", 0, f"Stage{number}", "", 0, None, "", "busy")])
        screen.log(Line("p", None, f"{number}"))
        screen.say("word", "good")
    clock.advance(1)
    screen.show([UP])
    assert terminal.getvalue() == before
    outlet.is_free = True
    screen.catch_up()
    assert "Stage" not in terminal.getvalue()
    screen.close()
    said = [text for number in range(20) for text in (f"[p] {number}", "word")]
    assert shown(terminal.getvalue()) == ["first", *said, *drawn(UP, after=21), ""]


def test_what_other_threads_say_stands_above_the_table() -> None:
    """With a next call: in the middle of drawing it would tear the table. Colours stay, and end with their line."""
    terminal, clock = Stream(), Clock()
    screen = Screen(terminal, terminal, now=clock, outlet=Direct)
    screen.show([UP])
    drawn_already = terminal.getvalue()
    screen.hear("\x1b[31mtraceback\nof a\x1b[2J thread", is_important=True)
    assert terminal.getvalue() == drawn_already
    clock.advance(1)
    screen.catch_up()
    assert "\x1b[31mtraceback\x1b[0m\n" in terminal.getvalue()
    screen.close()
    assert shown(terminal.getvalue()) == ["traceback", "of a thread", *drawn(UP, after=1), ""]


def test_a_clock_that_is_put_back_does_not_stop_the_table() -> None:
    """It is drawn at once."""
    terminal, clock = Stream(), Clock()
    screen = Screen(terminal, terminal, now=clock, outlet=Direct)
    screen.show([SCHEDULER])
    clock.advance(-3600)
    screen.show([UP])
    assert "Running" in terminal.getvalue()


def test_a_table_that_was_cropped_is_whole_in_the_end() -> None:
    """While it lives it leaves room for the logs."""
    many = [Row(f"pod/p{number}", 0, f"Phase{number}", "", 0, None, "", "good") for number in range(50)]
    terminal = Stream()
    screen = Screen(terminal, terminal, now=Clock(), outlet=Direct)
    screen.show(many)
    assert "more rows" in terminal.getvalue()
    screen.close()
    assert shown(terminal.getvalue())[:-1][-51:] == drawn(*many)


def test_many_workers_alike_are_folded_on_a_terminal_only() -> None:
    """A file has a line for each of them."""
    workers = [Row(f"pod/w{number}", 1, "Running", "1/1", 0, None, "", "good") for number in range(20)]
    terminal, file = Stream(), Stream(is_terminal=False)
    for stream in (terminal, file):
        Screen(stream, stream, now=Clock(), outlet=Direct).show(workers)
    assert "… 17 more, all ready" in terminal.getvalue()
    assert len(file.getvalue().splitlines()) == 20


def test_logs_keep_their_own_colours_and_end_them() -> None:
    """What a program left open does not colour the next line; anything else that it sends to a terminal is dropped."""
    terminal = Stream()
    screen = Screen(terminal, terminal, now=Clock(), outlet=Direct)
    screen.log(Line("p", None, "\x1b[31mred\x1b[5;5H\x1b]0;title\x07"))
    assert terminal.getvalue().endswith(" \x1b[31mred\x1b[0m\n")


@pytest.mark.parametrize("style", list(STYLES))
def test_words_are_coloured_by_what_they_mean(style: Style) -> None:
    """And are in one line, without colours of their own."""
    terminal = Stream()
    Screen(terminal, terminal, now=Clock(), outlet=Direct).say("two\nlines \x1b[32mgreen", style)
    assert shown(terminal.getvalue()) == [*apart(style), "two lines green", ""]
    assert ("\x1b[" in terminal.getvalue()) == (style != "plain")
    assert "\x1b[32mgreen" not in terminal.getvalue()


def test_no_color_means_no_colour() -> None:
    """Not even those of the logs; the table is still live."""
    terminal = Stream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        screen = Screen(terminal, terminal, now=Clock(), outlet=Direct)
        screen.show([UP])
        screen.log(Line("p", None, "\x1b[31mred"))
        screen.say("words", "problem")
        screen.close()
    assert shown(terminal.getvalue()) == ["[p] red", "words", *drawn(UP), ""]
    assert not any(f"\x1b[{colour}" in terminal.getvalue() for colour in ("3", "9", "1;3", "38"))


def test_a_pods_colour_is_its_own_and_can_be_read_everywhere() -> None:
    """Always the same, not all the same, and with enough contrast on black and on white."""
    assert pod_colour("simple-scheduler") == pod_colour("simple-scheduler")
    assert {pod_colour(f"worker-{number}") for number in range(200)} == set(POD_COLOURS)
    for colour in POD_COLOURS:
        triplet = Color.from_ansi(colour).get_truecolor()
        light = sum(
            weight * ((part / 255 + 0.055) / 1.055) ** 2.4
            for weight, part in zip((0.2126, 0.7152, 0.0722), triplet, strict=True)
        )
        assert 1.05 / (light + 0.05) > 3.5
        assert (light + 0.05) / 0.05 > 3.5
