"""Why something that should exist does not; the first of these that holds.

    Ready speaks for all       something stands in the way of the whole resource
    Accepted is false          the API server refuses it, as the reconciler says
    FailedCreate               the same, as an Event about a ReplicaSet of dask-kubernetes
    a step that failed         as dask-kubernetes notes it in an annotation, or in an Event; it tries again each minute
    ManagedByDaskKubernetes    the reconciler leaves the cluster alone, and nobody else acts
    an old generation          nobody has looked at the latest edit
    Progressing                the reconciler is held back

Where the reconciler reports, Events and annotations are not asked: its conditions are newer.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubecluster.diagnosis import causes, events
from kubecluster.diagnosis.causes import Cause
from kubecluster.diagnosis.sight import Body, Sight, is_reconciled, name_of, number, present, read, sentence, text
from kubecluster.errors import CrashLoop, NoOperator, NotReady, TimedOut
from kubecluster.names import ConditionType, Reason

UNSEEN_AFTER = timedelta(seconds=10)
"""How long without a sign of anyone it takes to say that nobody acts; the reconciler looks every five seconds."""

BLOCKING: Mapping[str, str] = {
    Reason.INVALID: "Correct the field in the message.",
    Reason.NAME_TOO_LONG: "Choose another name.",
    Reason.NAME_CONFLICT: "Delete or rename the object in the message, or choose another name.",
    Reason.CLUSTER_NOT_FOUND: "Create the cluster that is named, or delete this resource and name another.",
    Reason.NO_SCHEDULER_PORT: "Correct the ports of the scheduler's Service, as the message says.",
    Reason.INTERNAL_ERROR: "It is a bug: report it, with the traceback in the reconciler's log.",
    Reason.INCOMPLETE: "Correct what the message names.",
}
"""By the reason of a condition `Ready` that speaks for the whole resource, what to do."""

HANDLERS = "kopf.zalando.org/"
"""How the annotations begin in which dask-kubernetes notes what it did."""

_HELD = frozenset(
    {
        Reason.BACK_OFF,
        Reason.UNAVAILABLE,
        Reason.TERMINATING,
        Reason.REFUSED,
        Reason.DELETION_CAP,
        Reason.NO_DELETE,
        Reason.UNDONE,
    }
)


@dataclass(frozen=True, slots=True)
class Absence:
    """Why something does not exist.

    Args:
        words: What is known of it; may be empty.
        cause: What it means.
        is_refused: Whether Kubernetes refuses to create it.
    """

    words: str
    cause: Cause
    is_refused: bool = False

    def sentence(self, what: str) -> str:
        """One sentence on it.

        Args:
            what: What does not exist, such as `scheduler Pod`.
        """
        if self.is_refused:
            return sentence(f"There is no {what}, since the API server refused it: {self.words}")
        return sentence(f"The {what} has not been created yet{': ' if self.words else ''}{self.words}")


def absence(first: datetime, sight: Sight, owner: Body, maker: str = "") -> Absence:
    """Why something that is made for a resource does not exist.

    Args:
        first: When people began to wait for it.
        sight: What is seen.
        owner: The resource.
        maker: How the names of the Deployments and ReplicaSets begin that dask-kubernetes makes it with; empty if it
            makes it by itself.
    """
    return next(_reasons(first, sight, owner, maker))


def obstacle(resource: Body) -> Absence | None:
    """What stands in the way of the whole resource, as the reconciler says; `None` if it says that of nothing."""
    ready = present(resource, ConditionType.READY)
    reason = text(ready, "reason")
    if reason not in BLOCKING or ready.get("status") == "True":
        return None
    is_final = reason in (Reason.INVALID, Reason.NAME_TOO_LONG)
    return Absence(text(ready, "message"), Cause(NotReady, BLOCKING[reason], is_final))


def endings(resource: Body) -> Cause | None:
    """What it means that the resource's Pods end for good, one after the other; `None` if they do not."""
    is_waiting = present(resource, ConditionType.PROGRESSING).get("reason") == Reason.BACK_OFF
    if not is_waiting or not number(resource, "status", "decisions", "failures", "count"):
        return None
    remedy = "See the log of the next one while it runs, or let it start again in place, which keeps its log"
    return Cause(CrashLoop, f"{remedy} (restartPolicy Always).")


def handler_error(resource: Body) -> str:
    """What dask-kubernetes has noted of a step that failed and is to be tried again; empty if there is none."""
    annotations = read(resource, "metadata", "annotations")
    for name, value in sorted(annotations.items()) if isinstance(annotations, dict) else ():
        if name.startswith(HANDLERS):
            with suppress(ValueError, TypeError):
                noted = json.loads(value)
                if read(noted, "success") is False and text(noted, "message"):
                    return text(noted, "message")
    return ""


def is_unseen(first: datetime, sight: Sight, resource: Body) -> bool:
    """Whether nobody has looked at the resource's latest edit, and for long enough to say so."""
    seen, now = read(resource, "status", "observedGeneration"), read(resource, "metadata", "generation")
    return seen is not None and now is not None and seen != now and sight.at - first >= UNSEEN_AFTER


def nobody_acts(resource: Body) -> Cause:
    """What it means that nobody acts on a resource."""
    namespace = text(resource, "metadata", "namespace") or "default"
    whether = "Is the reconciler, or dask-kubernetes' operator, running, and does it look after the namespace"
    return Cause(NoOperator, f"{whether} {namespace}?")


def _reasons(first: datetime, sight: Sight, owner: Body, maker: str) -> Iterator[Absence]:
    types = (ConditionType.ACCEPTED, ConditionType.READY, ConditionType.PROGRESSING)
    accepted, ready, progressing = (present(owner, type_) for type_ in types)
    stopped = obstacle(owner)
    if stopped is not None:
        yield stopped
    told = [] if is_reconciled(owner) else [events.words(events.of_makers(sight, maker), "FailedCreate")]
    if accepted.get("status") == "False":
        told.append(text(accepted, "message"))
    for refused in filter(None, told):
        yield Absence(refused, causes.refusal(refused), is_refused=True)
    see_log = f"see the log of the reconciler, or of dask-kubernetes' operator, on {name_of(owner)}."
    error = "" if is_reconciled(owner) else handler_error(owner) or events.last_trouble(events.of(sight, owner))
    if error:
        is_refused = causes.is_refusal(error)
        cause = causes.refusal(error) if is_refused else Cause(TimedOut, sentence(see_log))
        yield Absence(error, cause, is_refused)
    if ready.get("reason") == Reason.OTHER_OPERATOR and sight.at - first >= UNSEEN_AFTER:
        remedy = "Run dask-kubernetes' operator, or create the cluster anew."
        yield Absence(text(ready, "message"), Cause(NoOperator, remedy))
    if is_unseen(first, sight, owner):
        yield Absence("nobody has acted on the latest change", nobody_acts(owner))
    cause = endings(owner) or Cause(TimedOut, f"{causes.PATIENCE} If it lasts, {see_log}")
    yield Absence(text(progressing, "message") if progressing.get("reason") in _HELD else "", cause)
