"""docs/conditions.md: what users read about conditions is what the code says."""

import re
from pathlib import Path

from reconciler.cli.doc_pages import conditions_page
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

PAGE = Path(__file__).parents[4] / "docs" / "conditions.md"


def test_the_page_is_generated_from_the_code() -> None:
    """`make crds` was run after the last change of a reason."""
    assert PAGE.read_text("utf-8") == conditions_page()


def test_the_page_explains_every_type_and_reason() -> None:
    """A reason that a user meets is one that can be looked up."""
    assert set(re.findall(r"[A-Za-z]+", conditions_page())) >= {*ConditionType, *Reason, *EventReason}
