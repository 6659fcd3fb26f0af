"""Whether the API server takes what is made from a resource: the condition `Accepted`."""

import re
from collections.abc import Iterable

from models.base import Condition, find_condition
from models.snapshot import Owner
from reconciler.passes.report.conditions import Reason, Type, false, messages_on, true
from reconciler.passes.report.view import View
from reconciler.passes.values import Response, Result, Topic, Verb

WRITES = (Verb.CREATE, Verb.UPDATE)

_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")


def accepted(view: View, resource: Owner) -> Condition:
    """The condition `Accepted` of a resource.

    What was learned stays while the resource's generation does: a refusal until a later write succeeds, warnings
    until there are others, since what they are about has not changed. An annotation that makes no sense is told until
    it does, since an edit of it is no new generation.
    """
    learned = _learned(view, resource)
    wrong = messages_on(view.findings_of(resource), Topic.INVALID_ANNOTATION)
    if not wrong or learned.status == "False":
        return learned
    return true(Type.ACCEPTED, Topic.INVALID_ANNOTATION, " ".join(wrong))


def _learned(view: View, resource: Owner) -> Condition:
    refused = refusals(view, resource)
    if refused:
        return false(Type.ACCEPTED, reason_of(refused[0]), _first_of(refused))
    known = find_condition(resource.status.conditions, Type.ACCEPTED)
    if known is not None and _is_stale(known, resource):
        known = None
    waiting = messages_on(view.findings_of(resource), Topic.REFUSED)
    if waiting:
        is_known = known is not None and known.status == "False"
        return known if known is not None and is_known else false(Type.ACCEPTED, Topic.REFUSED, " ".join(waiting))
    done = view.responses_of(resource, WRITES, (Result.DONE,))
    warnings = _warnings(view, resource, done)
    if warnings:
        return true(Type.ACCEPTED, Topic.WARNING, warnings)
    if known is not None and (known.reason == Topic.WARNING or not done):
        return known
    return true(Type.ACCEPTED, Reason.ACCEPTED, "The API server has refused nothing that was made from this resource.")


def _is_stale(known: Condition, resource: Owner) -> bool:
    """Whether what was known need not be so any more."""
    return known.observed_generation != resource.metadata.generation or known.reason == Topic.INVALID_ANNOTATION


def refusals(view: View, resource: Owner) -> tuple[Response, ...]:
    """The creates and updates on behalf of a resource that were refused."""
    return view.responses_of(resource, WRITES, (Result.REFUSED,))


def reason_of(response: Response) -> str:
    """The API server's reason for a refusal, as a condition may carry it."""
    return response.reason if _REASON.fullmatch(response.reason) else str(Topic.REFUSED)


def _first_of(refused: tuple[Response, ...]) -> str:
    # How many more were tried differs from pass to pass, and every other wording would be told as news.
    return refused[0].error or "The API server gave no reason"


def _warnings(view: View, resource: Owner, done: Iterable[Response]) -> str:
    said = [warning for response in done for warning in response.warnings]
    return "; ".join(dict.fromkeys([*said, *messages_on(view.findings_of(resource), Topic.WARNING)]))
