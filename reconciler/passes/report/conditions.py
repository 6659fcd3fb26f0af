"""The conditions of the custom resources: how they are made from a reason, and when they change.

`rules/reasons` has their types and reasons, and docs/conditions.md says them for users.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from models.base import Condition, find_condition
from reconciler.passes.report.sentences import sentence, shorten
from reconciler.passes.values import Finding
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reason_sets import BLOCKING
from reconciler.rules.reasons import Reason


def condition(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """The condition as it is for that reason.

    Raises:
        ValueError: the reason is none of that condition.
    """
    return Condition(type=type_, status=reason.use(type_).status, reason=reason, message=shorten(message))


def is_true(one: Condition | None) -> bool:
    """Whether the condition is there and holds."""
    return one is not None and one.status == "True"


def blocked(type_: ConditionType, findings: Sequence[Finding]) -> Condition | None:
    """The condition as it is when something stands in the way of the whole resource; `None` if nothing does."""
    found = [reason for reason in BLOCKING if messages_with(findings, reason)]
    return condition(type_, found[0], " ".join(messages_with(findings, found[0]))) if found else None


def messages_with(findings: Iterable[Finding], reason: Reason) -> list[str]:
    """What the findings with that reason say, as sentences in a fixed order."""
    return [sentence(text) for text in sorted({each.message for each in findings if each.reason is reason})]


def settle(
    conditions: Iterable[Condition], observed: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions as they are written: with the generation, and with the time at which their status last changed.

    Args:
        conditions: What was worked out.
        observed: The conditions that the resource has.
        generation: The resource's `metadata.generation`.
        now: The time of a change that is seen now.
    """
    return tuple(
        one.model_copy(update={"observed_generation": generation, "last_transition_time": _since(one, observed) or now})
        for one in conditions
    )


def _since(one: Condition, observed: tuple[Condition, ...]) -> datetime | None:
    before = find_condition(observed, one.type)
    return before.last_transition_time if before is not None and before.status == one.status else None
