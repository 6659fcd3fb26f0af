"""What depended on a scheduler that is not there any more, or cannot be asked: as it told last.

Its state goes with it: tasks are forgotten, and what workers hold belongs to nobody. What it told is known only for a
moment after it was last ready; then it stands in the condition `SchedulerReady`, until there is a scheduler again.
"""

import re

from models.base import find_condition
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.rules.parts import ClusterParts
from reconciler.rules.reason_facts import ConditionType

_TOLD = re.compile(r"When the scheduler last answered, .*")


def at_stake(view: View, parts: ClusterParts) -> str:
    """How many tasks and results depended on the scheduler, as a sentence; empty if none did, or nobody knows."""
    cluster, answer = parts.cluster, view.snapshot.answer_of(parts.cluster.key)
    if answer is None or answer.at is None:
        told = find_condition(cluster.status.conditions, ConditionType.SCHEDULER_READY)
        found = _TOLD.search(told.message) if told is not None and told.status != "True" else None
        return found[0] if found else ""
    tasks = sum(max(one.tasks, one.running) for one in answer.workers)
    holding = sum(bool(one.unique_keys or one.managed_bytes) for one in answer.workers)
    if not (tasks or holding):
        return ""
    what = f"{tasks} task{'s' * (tasks != 1)} {'were' if tasks != 1 else 'was'} under way"
    return f"When the scheduler last answered, {what}, and {holding} of {len(answer.workers)} workers held results."


def with_stake(message: str, view: View, parts: ClusterParts) -> str:
    """A message about a scheduler that is lost, with what depended on it."""
    stake = at_stake(view, parts)
    return message if not stake or stake in message else f"{sentence(message)} {stake}"
