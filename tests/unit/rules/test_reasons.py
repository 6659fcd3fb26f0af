"""What is decided by reason."""

import pytest

from reconciler.rules.reason_facts import ConditionType, EventType, Handling
from reconciler.rules.reason_sets import BLOCKING, POSTPONING, REASONS_OF_FINDINGS, UNBUILDABLE
from reconciler.rules.reasons import Reason


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_one_status_on_a_condition(reason: Reason) -> None:
    """Whoever reads type and reason knows the status."""
    types = [type_ for use in reason.uses for type_ in use.types]
    assert types
    assert len(types) == len(set(types))


@pytest.mark.parametrize("reason", REASONS_OF_FINDINGS)
def test_a_finding_that_needs_a_person_is_not_progress(reason: Reason) -> None:
    """Progressing is true while waiting helps, and false where only a person does."""
    for use in reason.uses:
        if ConditionType.PROGRESSING in use.types:
            assert (use.status == "False") is reason.handling.needs_person


@pytest.mark.parametrize("reason", REASONS_OF_FINDINGS)
def test_a_finding_has_a_remedy(reason: Reason) -> None:
    """Whatever is wrong, the page says what to do about it."""
    assert all(use.remedy for use in reason.uses)


@pytest.mark.parametrize("reason", BLOCKING)
def test_what_blocks_needs_a_person_and_makes_a_warning(reason: Reason) -> None:
    """A resource that is not ready before somebody acts says so in an Event."""
    use = reason.use(ConditionType.READY)
    assert (use.status, use.event, reason.handling.needs_person) == ("False", EventType.WARNING, True)


def test_what_weighs_most_comes_first() -> None:
    """Of several findings, the condition has the reason that must be dealt with first."""
    assert BLOCKING == (
        Reason.INVALID,
        Reason.NAME_TOO_LONG,
        Reason.OTHER_OPERATOR,
        Reason.NAME_CONFLICT,
        Reason.CLUSTER_NOT_FOUND,
        Reason.INTERNAL_ERROR,
    )
    assert POSTPONING == (Reason.DELETION_CAP, Reason.NO_DELETE, Reason.BACK_OFF, Reason.TERMINATING)
    assert UNBUILDABLE == (Reason.INVALID, Reason.NAME_TOO_LONG)


def test_only_reasons_of_findings_have_consequences() -> None:
    """What report works out by itself is logged nowhere and blocks nothing."""
    for reason in set(Reason) - set(REASONS_OF_FINDINGS):
        assert reason.handling == Handling()


def test_a_reason_does_not_stand_on_other_conditions() -> None:
    """A condition cannot be made with a reason that the page does not list under it."""
    with pytest.raises(ValueError, match="Settled is no reason of the condition Ready"):
        Reason.SETTLED.use(ConditionType.READY)
