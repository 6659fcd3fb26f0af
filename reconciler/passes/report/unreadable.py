"""What is reported on a resource that could not be read, so that its owner learns which field is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from models.base import Condition, wire_time
from models.kinds import CUSTOM_KINDS, DASK_CLUSTER
from models.snapshot import Unreadable
from models.status import Phase
from reconciler.passes.report.conditions import condition
from reconciler.passes.report.event_objects import Event, Subject, event_action
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.statuses import DECISIONS, applied
from reconciler.passes.values import Action
from reconciler.rules.reason_facts import ConditionType, EventType
from reconciler.rules.reasons import Reason


def report_unreadable(item: Unreadable, now: datetime) -> Iterator[Action]:
    """The status and the Event of a resource that could not be read.

    All else that its status says stays: it is the last that was known, and numbers in it must not be used again.

    Args:
        item: The resource.
        now: The time of what is seen now.
    """
    if item.key.kind not in CUSTOM_KINDS:
        return
    observed = item.status
    ready = condition(ConditionType.READY, Reason.INVALID, sentence(f"This resource cannot be read: {item.error}"))
    conditions = [one for one in _mappings(observed.get("conditions")) if one.get("type") in set(ConditionType)]
    known = next((one for one in conditions if one["type"] == ConditionType.READY), {})
    status = {name: value for name, value in observed.items() if name not in DECISIONS}
    status["conditions"] = [
        _written(ready, known, item.generation, now),
        *(one for one in conditions if one is not known),
    ]
    status["observedGeneration"] = item.generation
    if item.key.kind == DASK_CLUSTER:
        status["phase"] = str(Phase.ERROR)
    before = {name: value for name, value in observed.items() if name not in DECISIONS}
    action = applied(item.key, item.uid, {**before, "conditions": conditions}, status, {})
    if action is not None:
        yield action
    if (known.get("reason"), known.get("message")) != (ready.reason, ready.message):
        event = Event(EventType.WARNING, Reason.INVALID, ready.message)
        yield event_action(Subject(item.key, item.uid), event, now)


def _written(ready: Condition, known: Mapping[str, Any], generation: int, now: datetime) -> dict[str, Any]:
    since = known.get("lastTransitionTime") if known.get("status") == ready.status else None
    written = ready.model_copy(update={"observed_generation": generation}).wire()
    return {**written, "lastTransitionTime": since or wire_time(now)}


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    """The mappings in what should be a list of them: what cannot be read may be anything."""
    return [one for one in value if isinstance(one, dict) and "type" in one] if isinstance(value, list) else []
