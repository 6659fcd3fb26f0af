"""How long ago something was, in kubectl's words."""

from datetime import UTC, datetime, timedelta

import pytest

from models.base import wire_time
from reconciler.local.server.ages import DAY, HOUR, MINUTE, YEAR, age

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
AGES = {
    -2: "<invalid>",
    -1: "0s",
    0: "0s",
    119: "119s",
    120: "2m",
    MINUTE * 9 + 59: "9m59s",
    MINUTE * 10 + 59: "10m",
    MINUTE * 179: "179m",
    HOUR * 3: "3h",
    HOUR * 3 + MINUTE * 7: "3h7m",
    HOUR * 47: "47h",
    HOUR * 49: "2d1h",
    DAY * 7: "7d",
    DAY * 400: "400d",
    YEAR * 2 + DAY * 5: "2y5d",
    YEAR * 9: "9y",
}


@pytest.mark.parametrize(("seconds", "words"), AGES.items())
def test_an_age_has_two_figures_at_most(seconds: int, words: str) -> None:
    """As kubectl's own tables have them."""
    assert age(wire_time(NOW - timedelta(seconds=seconds)), NOW) == words


@pytest.mark.parametrize("since", [None, "", "yesterday", 7])
def test_what_is_no_time_is_unknown(since: object) -> None:
    """A time that is missing or wrong hides nothing else."""
    assert age(since, NOW) == "<unknown>"
