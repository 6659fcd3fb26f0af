"""Reasons by what follows from them; of several the first counts most."""

from collections.abc import Iterable

from models.base import Condition, find_condition
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

REASONS_OF_FINDINGS = tuple(reason for reason in Reason if reason.handling.log_level)
"""The reasons that findings have."""
BLOCKING = tuple(reason for reason in Reason if reason.handling.blocks)
UNBUILDABLE = tuple(reason for reason in Reason if reason.handling.unbuildable)
POSTPONING = tuple(reason for reason in REASONS_OF_FINDINGS if reason.types == {ConditionType.PROGRESSING})
"""Those that say why an action is postponed."""


def is_content(conditions: Iterable[Condition]) -> bool:
    """Whether an autoscaler waits for nothing but for other work, by what was last reported."""
    known = tuple(conditions)
    types = (ConditionType.ABLE_TO_SCALE, ConditionType.SCALING_ACTIVE, ConditionType.SCALING_LIMITED)
    able, active, limited = (find_condition(known, type_) for type_ in types)
    if able is None or active is None or limited is None:
        return False
    waits = limited.reason in (Reason.SCALE_UP_LIMIT, Reason.SCALE_DOWN_LIMIT)
    return able.reason == Reason.READY_FOR_NEW_SCALE and active.status == "True" and not waits


def is_settled(conditions: Iterable[Condition]) -> bool:
    """Whether a cluster or a group is as it should be, and nothing of it is on the way, by what was last reported."""
    known = tuple(conditions)
    ready, progressing = find_condition(known, ConditionType.READY), find_condition(known, ConditionType.PROGRESSING)
    is_ready = ready is not None and ready.reason == Reason.READY
    return is_ready and progressing is not None and progressing.reason == Reason.SETTLED
