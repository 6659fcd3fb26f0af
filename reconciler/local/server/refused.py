"""A refusal, in the form in which Kubernetes answers it."""

from models.kinds import Kind
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body


def status_of(error: ApiError, about: tuple[Kind, str] | None) -> Body:
    """The Status that tells a refusal.

    Args:
        error: The refusal.
        about: The kind and the name of the object that it is about.
    """
    code = error.status or 500
    details: Body = {}
    if about is not None and (error.causes or error.reason != "Invalid"):
        kind, name = about
        details = {"name": name, "group": kind.group, "kind": kind.name if error.reason == "Invalid" else kind.plural}
        causes = [{"reason": "FieldValueInvalid", **_cause(cause)} for cause in error.causes]
        details = {"details": {key: value for key, value in (details | {"causes": causes}).items() if value}}
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**head, "message": error.message, "reason": error.reason, **details, "code": code}


def _cause(cause: str) -> Body:
    field, _, message = cause.partition(": ")
    return {"field": field, "message": message}
