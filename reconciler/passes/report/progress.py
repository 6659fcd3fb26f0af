"""What holds a resource's writes back: the part of `Progressing` that is the same for all of them."""

from models.base import Condition
from models.snapshot import Owner
from reconciler.passes.report.conditions import Type, blocked, false, messages_on, true
from reconciler.passes.report.sentences import sentence
from reconciler.passes.report.view import View
from reconciler.passes.values import Result, Topic, Verb

_HELD = (
    Topic.REFUSED,
    Topic.NO_DELETE,
    Topic.UNDONE,
    Topic.DELETION_CAP,
    Topic.UNAVAILABLE,
    Topic.BACK_OFF,
    Topic.TERMINATING,
)
"""What is told first if there is more than one."""
_NEEDS_SOMEONE = frozenset({Topic.REFUSED, Topic.NO_DELETE, Topic.UNDONE})
"""What does not go away with time."""


def held(view: View, resource: Owner) -> Condition | None:
    """`Progressing` as it is when something holds the resource's writes back; `None` if nothing does."""
    findings = view.findings_of(resource)
    obstacle = blocked(findings)
    if obstacle is not None:
        return false(Type.PROGRESSING, obstacle.reason, obstacle.message)
    told = {topic: messages_on(findings, topic) for topic in _HELD}
    topics = [topic for topic in _HELD if told[topic]]
    if not topics:
        return _failing(view, resource)
    message = " ".join(text for topic in topics for text in told[topic])
    make = false if topics[0] in _NEEDS_SOMEONE else true
    return make(Type.PROGRESSING, topics[0], message)


def _failing(view: View, resource: Owner) -> Condition | None:
    """What deletes, decisions and the way to the API server came to, if not to their end."""
    refused = view.responses_of(resource, (Verb.DELETE, Verb.RECORD), (Result.REFUSED,))
    if refused:
        action = refused[0].action
        message = f"The API server refused to {action.verb} {action.key}: {refused[0].error}"
        return false(Type.PROGRESSING, Topic.REFUSED, sentence(message))
    lost = view.responses_of(resource, Verb, (Result.UNAVAILABLE, Result.UNKNOWN))
    if lost:
        message = f"The API server did not take a write, which will be tried again: {lost[0].error}"
        return true(Type.PROGRESSING, Topic.UNAVAILABLE, sentence(message))
    return None
