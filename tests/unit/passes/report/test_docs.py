"""docs/conditions.md: what users read about conditions is what the code says."""

import re
from pathlib import Path

from reconciler.passes.report import conditions
from reconciler.passes.report import which_events as news
from reconciler.passes.report.conditions import Reason, Type
from reconciler.passes.values import Topic

PAGE = (Path(__file__).parents[4] / "docs" / "conditions.md").read_text("utf-8")


def test_the_page_explains_every_type_and_reason() -> None:
    """A reason that a user meets is one that can be looked up."""
    explained = set(re.findall(r"[A-Za-z]+", PAGE))
    assert explained >= {*Type, *Reason, *Topic}


def test_the_table_in_the_code_has_every_type_and_reason() -> None:
    """The module's docstring is the programmer's table of them."""
    named = set(re.findall(r"[A-Za-z]+", conditions.__doc__ or ""))
    assert named >= {*Type, *Reason, *Topic} - {Reason.READY, Reason.UP_TO_DATE}


def test_the_page_lists_every_event() -> None:
    """Events are few enough to be listed."""
    source = Path(news.__file__).read_text("utf-8")
    reasons = set(re.findall(r'"((?:Cluster|Owner|Scheduler|Scaled|Workers|Job)[A-Za-z]+)"', source))
    assert len(reasons) == 10
    assert reasons <= set(re.findall(r"[A-Za-z]+", PAGE))
