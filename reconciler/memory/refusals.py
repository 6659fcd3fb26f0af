"""The API server's refusals, in its words."""

from collections.abc import Sequence

from models.kinds import Key, Kind
from reconciler.wire.errors import AlreadyExists, Conflict, Invalid, NotFound


def not_found(key: Key) -> NotFound:
    """There is no such object."""
    return NotFound(f'{resource(key.kind)} "{key.name}" not found', status=404)


def no_such_path() -> NotFound:
    """There is no such kind or subresource."""
    return NotFound("the server could not find the requested resource", status=404)


def already_exists(key: Key) -> AlreadyExists:
    """An object of that name is there already."""
    return AlreadyExists(f'{resource(key.kind)} "{key.name}" already exists', status=409)


def modified(key: Key) -> Conflict:
    """The object has another resourceVersion than the request."""
    return Conflict(
        f'Operation cannot be fulfilled on {resource(key.kind)} "{key.name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
        status=409,
    )


def another_uid(key: Key, sent: str, found: str) -> Conflict:
    """The object has another uid than the delete's precondition."""
    return Conflict(
        f'Operation cannot be fulfilled on {key.kind.name} "{key.name}": the UID in the precondition ({sent}) does not '
        f"match the UID in record ({found}). The object might have been deleted and then recreated",
        status=409,
    )


def another_version(key: Key, sent: str, found: str) -> Conflict:
    """The object has another resourceVersion than the delete's precondition."""
    return Conflict(
        f'Operation cannot be fulfilled on {key.kind.name} "{key.name}": the ResourceVersion in the precondition '
        f"({sent}) does not match the ResourceVersion in record ({found}). The object might have been modified",
        status=409,
    )


def no_such_uid(key: Key, sent: str) -> Conflict:
    """There is no object that could have the uid of the document that was to change it."""
    if key.kind.group:
        return immutable_uid(key, sent)
    return Conflict(
        f'Operation cannot be fulfilled on {resource(key.kind)} "{key.name}": uid mismatch: the provided object '
        f"specified uid {sent}, and no existing object was found",
        status=409,
    )


def immutable_uid(key: Key, sent: str) -> Conflict:
    """The object has another uid than the document that was to change it."""
    cause = f'metadata.uid: Invalid value: "{sent}": field is immutable'
    message = f'{_kind(key.kind)} "{key.name}" is invalid: {cause}'
    return Conflict(message, status=422, reason="Invalid", causes=[cause])


def refused_binding(key: Key, why: str) -> Conflict:
    """The Pod cannot be assigned to a node."""
    return Conflict(f'Operation cannot be fulfilled on pods/binding "{key.name}": {why}', status=409)


def invalid(kind: Kind, name: str, causes: Sequence[str], warnings: Sequence[str] = ()) -> Invalid:
    """The object is wrong; each cause is a field's path and what is wrong with it."""
    said = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
    return Invalid(f'{_kind(kind)} "{name}" is invalid: {said}', status=422, causes=causes, warnings=warnings)


def bad_request(message: str) -> Invalid:
    """The request cannot be understood."""
    return Invalid(message, status=400, reason="BadRequest")


def resource(kind: Kind) -> str:
    """The resource as the server's messages spell it, such as `daskjobs.kubernetes.dask.org`."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _kind(kind: Kind) -> str:
    return f"{kind.name}.{kind.group}" if kind.group else kind.name
