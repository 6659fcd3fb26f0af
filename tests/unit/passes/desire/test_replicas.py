"""How many replicas a resource hands down to its child."""

import pytest

from reconciler.passes.desire.replicas import replicas_to_hand_down
from reconciler.rules.labels import REPLICAS_HANDED_DOWN
from tests.builders import group


@pytest.mark.parametrize(
    ("parents", "childs", "handed_down", "result"),
    [
        (3, None, None, 3),
        (3, 3, "3", 3),
        (5, 3, "3", 5),
        (3, 5, "3", 5),
        (4, 5, "3", 4),
        (3, 5, None, 5),
        (0, 3, "3", 0),
        (3, 0, "3", 0),
        (3, 5, "damaged", 3),
    ],
    ids=[
        "new child",
        "nothing changed",
        "parent edited",
        "child scaled",
        "both changed: the parent wins",
        "never handed down: the child's stands",
        "parent to zero",
        "child to zero",
        "damaged: the parent's counts",
    ],
)
def test_replicas_have_two_writers_and_one_rule(
    parents: int, childs: int | None, handed_down: str | None, result: int
) -> None:
    """The parent's number counts when it differs from what was last handed down; otherwise the child's stands."""
    annotations = {} if handed_down is None else {REPLICAS_HANDED_DOWN: handed_down}
    meta = None if childs is None else group(annotations=annotations).metadata
    assert replicas_to_hand_down(parents, meta, childs or 0) == result
