"""What keeps a resource's writes from being done: the part of `Progressing` that is the same for all kinds."""

from models.base import Condition
from models.snapshot import Owner
from reconciler.passes.report.conditions import blocked, condition, messages_with
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.passes.values import Result, Verb
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reason_sets import POSTPONING
from reconciler.rules.reasons import Reason


def obstacle_condition(view: View, resource: Owner) -> Condition | None:
    """`Progressing` as it is when the resource's writes are kept from being done; `None` if nothing keeps them."""
    findings = view.findings_of(resource)
    obstacle = blocked(ConditionType.PROGRESSING, findings)
    if obstacle is not None:
        return obstacle
    messages = {reason: messages_with(findings, reason) for reason in POSTPONING}
    found = [reason for reason in POSTPONING if messages[reason]]
    if not found:
        return _failing(view, resource)
    message = " ".join(text for reason in found for text in messages[reason])
    return condition(ConditionType.PROGRESSING, found[0], message)


def _failing(view: View, resource: Owner) -> Condition | None:
    """`Progressing` as it is when a delete, a decision or the connection to the API server failed."""
    refused = view.responses_of(resource, (Verb.DELETE, Verb.RECORD), (Result.REFUSED,))
    if refused:
        action = refused[0].action
        message = f"The API server refused to {action.verb} {action.key}: {refused[0].error}"
        return condition(ConditionType.PROGRESSING, Reason.REFUSED, sentence(message))
    lost = view.responses_of(resource, Verb, (Result.UNAVAILABLE, Result.UNKNOWN))
    if lost:
        message = f"The API server did not take a write, which will be tried again: {lost[0].error}"
        return condition(ConditionType.PROGRESSING, Reason.UNAVAILABLE, sentence(message))
    return None
