"""Whether the API server takes what is made from a resource: the condition `Accepted`."""

import re

from models.base import Condition, find_condition
from models.snapshot import Owner
from reconciler.passes.report.conditions import condition, messages_with
from reconciler.passes.report.view import View
from reconciler.passes.values import Response, Result, Verb
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

WRITES = (Verb.CREATE, Verb.UPDATE)

_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")


def accepted(view: View, resource: Owner) -> Condition:
    """The condition `Accepted` of a resource.

    What was learned stays while the resource's generation does: a refusal until a later write succeeds, warnings
    until there are others, since the template has not changed. A wrong annotation is reported until it is right, since
    an edit of an annotation does not change the generation.
    """
    learned = _learned(view, resource)
    wrong = messages_with(view.findings_of(resource), Reason.INVALID_ANNOTATION)
    if not wrong or learned.status == "False":
        return learned
    return condition(ConditionType.ACCEPTED, Reason.INVALID_ANNOTATION, " ".join(wrong))


def _learned(view: View, resource: Owner) -> Condition:
    refused = refusals(view, resource)
    if refused:
        return _refused(refused[0])
    known = find_condition(resource.status.conditions, ConditionType.ACCEPTED)
    if known is not None and _is_stale(known, resource):
        known = None
    done = view.responses_of(resource, WRITES, (Result.DONE,))
    warnings = "; ".join(dict.fromkeys(warning for response in done for warning in response.warnings))
    if warnings:
        return condition(ConditionType.ACCEPTED, Reason.UNKNOWN_FIELD, warnings)
    if known is not None and (known.reason == Reason.UNKNOWN_FIELD or not done):
        return known
    message = "The API server has refused nothing that was made from this resource."
    return condition(ConditionType.ACCEPTED, Reason.ACCEPTED, message)


def _is_stale(known: Condition, resource: Owner) -> bool:
    """Whether the condition may have changed since it was written."""
    return known.observed_generation != resource.metadata.generation or known.reason == Reason.INVALID_ANNOTATION


def refusals(view: View, resource: Owner) -> tuple[Response, ...]:
    """The creates and updates on behalf of a resource that were refused."""
    return view.responses_of(resource, WRITES, (Result.REFUSED,))


def _refused(response: Response) -> Condition:
    """The condition after a refusal, with the API server's reason and message.

    Only one refusal is named: how many more there were differs from pass to pass, and each number would make an Event.
    """
    message = response.error or "The API server gave no reason"
    refused = condition(ConditionType.ACCEPTED, Reason.REFUSED, message)
    return refused.model_copy(update={"reason": response.reason}) if _REASON.fullmatch(response.reason) else refused
