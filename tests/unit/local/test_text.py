import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reconciler.local.display.text import one_line, readable, squeezed


@pytest.mark.parametrize(
    ("text", "kept", "coloured"),
    [
        ("plain [bold]text[/bold]\t:smile:", "plain [bold]text[/bold]\t:smile:", None),
        ("\x1b[1;31mred\x1b[0m", "red", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[38:5:9mred\x1b[m", "red", "\x1b[38:5:9mred\x1b[m"),
        ("a\x1b[2J\x1b[H\x1b[10;20Hb\x1b[?1049h\x1b[6n", "ab", None),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink", None),
        ("\x1bcreset\x1b(0\x1b7", "reset", None),
        ("a\x07\x08\x00\x7f\x9b\n\r\x0bb", "ab", None),
        ("\x1b", "", None),
        ("cut \x1b[3", "cut 3", None),
        ("über 中文 ✓", "über 中文 ✓", None),
    ],
)
def test_a_readable_text_does_nothing_to_a_terminal(text: str, kept: str, coloured: str | None) -> None:
    """Nothing moves, clears, rings or asks; colours stay where they may."""
    assert readable(text, "utf-8") == kept
    assert readable(text, "utf-8", colours=True) == (kept if coloured is None else coloured)


def test_a_readable_text_can_be_written() -> None:
    """What the encoding cannot say is replaced; half of a surrogate pair can never be said."""
    assert readable("a … é", "ascii") == "a ... ?"
    assert readable("a \udc80", "utf-8") == "a ?"


def test_one_line_is_one_line() -> None:
    """Whatever parts it in two otherwise."""
    assert one_line("  one\n two\r\n\tthree\x0b\u2028four\x1b[31m\x85", "utf-8") == "one two three four"


@pytest.mark.parametrize(
    ("width", "shown"), [(30, "pod/simple-scheduler"), (20, "pod/simple-scheduler"), (11, "pod/..duler"), (4, "p..r")]
)
def test_of_a_long_name_the_beginning_and_the_end_are_shown(width: int, shown: str) -> None:
    """They tell most; one that fits is left as it is."""
    assert squeezed("pod/simple-scheduler", width) == shown


@given(st.text("abc-0", max_size=40), st.integers(4, 50))
def test_a_squeezed_name_fits(name: str, width: int) -> None:
    """However long it is."""
    assert cell_len(squeezed(name, width)) <= width
