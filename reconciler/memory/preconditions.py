"""What the server looks at before it writes."""

from models.kinds import EVENT, Key, Kind
from reconciler.memory import metadata as meta
from reconciler.memory.refusals import bad_request, immutable_uid, invalid, modified
from reconciler.memory.schema import Schemas
from reconciler.wire.protocol import Body, Subresource


def check_guards(key: Key, found: Body, sent: Body, subresource: Subresource | None) -> None:
    """Refuse a change to another state of the object, or to another object, than the request means.

    Raises:
        Conflict: the metadata sent has another resourceVersion or uid than that found.
    """
    if sent.get("resourceVersion") and str(sent["resourceVersion"]) != str(found["resourceVersion"]):
        raise modified(key)
    looks_at_uid = subresource is None or not key.kind.group  # not when a custom resource's status is written
    if looks_at_uid and sent.get("uid") and sent["uid"] != found["uid"]:
        raise immutable_uid(key, sent["uid"])


def check_config(key: Key, config: Body, schemas: Schemas | None) -> None:
    """Refuse a configuration that cannot be applied.

    Raises:
        Invalid: it is of another object, or has unknown or mistyped fields.
    """
    meta.check_place(key, config)
    if config["metadata"].get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    mistakes = [*meta.unknown(config["metadata"]), *(schemas.mistakes(key.kind, config) if schemas else ())]
    if mistakes:
        raise bad_request(f"failed to create typed patch object ({key}): {mistakes[0]}")


def check_event(kind: Kind, body: Body) -> None:
    """Refuse an Event in another namespace than what it is about.

    Raises:
        Invalid: it is.
    """
    if kind == EVENT:
        place = body.get("involvedObject", {}).get("namespace", "")
        if place != body["metadata"]["namespace"]:
            cause = f'involvedObject.namespace: Invalid value: "{place}": does not match event.namespace'
            raise invalid(kind, body["metadata"]["name"], [cause])
