"""Whether the API server takes what is made from a resource: the condition `Accepted`."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any

from models.base import Condition, find_condition
from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, POD_DISRUPTION_BUDGET, SERVICE, Kind
from models.snapshot import Owner
from reconciler.passes.report.conditions import condition, messages_with
from reconciler.passes.report.view import View
from reconciler.passes.values import Body, Response, Result, Verb
from reconciler.rules.labels import DO_NOT_DISRUPT, SAFE_TO_EVICT, SET_BY_OWNER
from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

WRITES = (Verb.CREATE, Verb.UPDATE)

TEMPLATES: Mapping[tuple[Kind, Kind], str] = {
    (DASK_CLUSTER, POD): "spec.scheduler.spec",
    (DASK_CLUSTER, SERVICE): "spec.scheduler.service",
    (DASK_CLUSTER, POD_DISRUPTION_BUDGET): "spec.scheduler.disruptionBudget",
    (DASK_WORKER_GROUP, POD): "spec.worker.spec",
    (DASK_WORKER_GROUP, POD_DISRUPTION_BUDGET): "spec.worker.disruptionBudget",
    (DASK_JOB, POD): "spec.job.spec",
    (DASK_JOB, DASK_CLUSTER): "spec.cluster.spec",
}
"""By the kinds of a resource and of what is made from it, where in the one the other's spec is written."""

_SPEC = re.compile(r"(?<![\w.])spec(?=[.\[])")
_VARIABLE = re.compile(r"(?<![\w.])spec\.(containers|initContainers)\[(\d+)\]\.env\[(\d+)\]")
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
    written = view.responses_of(resource, WRITES, (Result.DONE,))
    done = [response for response in written if not _is_mark(response.action.body)]
    warnings = "; ".join(dict.fromkeys(warning for response in done for warning in _warnings(resource, response)))
    if warnings:
        return condition(ConditionType.ACCEPTED, Reason.UNKNOWN_FIELD, warnings)
    if known is not None and (known.reason == Reason.UNKNOWN_FIELD or not done):
        return known
    message = "The API server has refused nothing that was made from this resource."
    return condition(ConditionType.ACCEPTED, Reason.ACCEPTED, message)


def _is_mark(written: Body) -> bool:
    """Whether a write tells node autoscalers what a Pod is worth, and nothing else: it says nothing of the template."""
    metadata = written.get("metadata", {})
    annotations = (metadata.get("annotations") or {}).keys()
    is_more = "spec" in written or "labels" in metadata
    return not is_more and bool(annotations) and annotations <= {DO_NOT_DISRUPT, SAFE_TO_EVICT, SET_BY_OWNER}


def _warnings(resource: Owner, response: Response) -> Iterator[str]:
    """What the server warned of, with the fields where the resource has them."""
    kind, warnings = response.action.key.kind, response.warnings
    written = TEMPLATES.get((resource.kind(), kind), "spec")
    if kind == POD and warnings:
        made, template = response.action.body.get("spec", {}), attrgetter(written)(resource)
        numbered = partial(_variable, made=made, template=template)
        warnings = tuple(_VARIABLE.sub(numbered, warning) for warning in warnings)
    return (_SPEC.sub(written, warning) for warning in warnings)


def _variable(found: re.Match[str], made: Mapping[str, Any], template: Mapping[str, Any]) -> str:
    """A variable by its number in the template, which lacks those that are put before the user's."""
    part, container, number = found[1], int(found[2]), int(found[3])
    with suppress(LookupError):
        added = len(made[part][container]["env"]) - len(template[part][container].get("env") or ())
        return f"spec.{part}[{container}].env[{number - added}]"
    return found[0]


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
