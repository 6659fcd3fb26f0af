"""How an Event is written."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from models.base import wire_time
from models.kinds import EVENT, Key
from models.snapshot import Owner
from reconciler.passes.report.sentences import shorten
from reconciler.passes.values import Action, Body, Verb
from reconciler.rules.reason_facts import EventType
from reconciler.wire.protocol import FIELD_MANAGER

LONGEST_EVENT = 1000
"""The API server takes 1,024 bytes; a little room is left for letters that take more than one."""
_HASH_LENGTH = 16
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened to a resource.

    Args:
        type: Normal or a warning.
        reason: What happened, as one CamelCase word.
        message: What happened, as a sentence.
    """

    type: EventType
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What an Event is about.

    Args:
        key: The object.
        uid: Its uid.
        resource_version: Its version when the Event happened, if it is known.
    """

    key: Key
    uid: str
    resource_version: str = ""

    @classmethod
    def of(cls, resource: Owner) -> "Subject":
        """A custom resource as an Event's subject."""
        return cls(resource.key, resource.metadata.uid, resource.metadata.resource_version)


def event_action(subject: Subject, event: Event, now: datetime) -> Action:
    """The action that writes the Event.

    Its name follows from what it says and when: two reconcilers that say the same at the same time write it once.
    """
    message = _cut(event.message)
    time = wire_time(now)
    name = _name(subject, event.reason, message, time)
    body: Body = {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": name, "namespace": subject.key.namespace},
        "involvedObject": _reference(subject),
        "type": str(event.type),
        "reason": str(event.reason),
        "message": message,
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": "",
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
    key = Key(EVENT, subject.key.namespace, name)
    # Only after the status: or what a refused status does not remember would be told in every pass.
    return Action(Verb.CREATE, key, subject.key, subject.key, f"{event.reason}: {message}", body, after_record=True)


def _reference(subject: Subject) -> Body:
    reference = {
        "apiVersion": subject.key.kind.api_version,
        "kind": subject.key.kind.name,
        "namespace": subject.key.namespace,
        "name": subject.key.name,
        "uid": subject.uid,
    }
    return {**reference, "resourceVersion": subject.resource_version} if subject.resource_version else reference


def _name(subject: Subject, reason: str, message: str, time: str) -> str:
    digest = hashlib.sha256(f"{subject.uid}\n{reason}\n{message}\n{time}".encode()).hexdigest()[:_HASH_LENGTH]
    return f"{subject.key.name[: _LONGEST_NAME - _HASH_LENGTH - 1].rstrip('-.')}.{digest}"


def _cut(message: str) -> str:
    """The message on one line, within the API server's limit, which counts bytes."""
    line = shorten(message, LONGEST_EVENT)
    return line.encode()[:LONGEST_EVENT].decode(errors="ignore")
