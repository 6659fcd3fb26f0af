"""What a request asks for: the parts of its path, its parameters, and in which form the answer is wanted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import yaml

from models.kinds import Key
from reconciler.local.server.catalogue import Catalogue, Resource
from reconciler.local.server.discovery import AGGREGATED
from reconciler.local.server.protobuf import decoded
from reconciler.memory.refusals import bad_request, no_such_path
from reconciler.wire.errors import Refused

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request about objects.

    Args:
        resource: Which.
        verb: What is to be done.
        namespace: Where; empty for everywhere.
        name: The object's; empty for a collection.
        subresource: Which part of the object; empty for itself.
        query: The parameters.
        accept: The media types that the client takes.
        media_type: That of what is sent.
        sent: What is sent.
    """

    resource: Resource
    verb: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    accept: str = ""
    media_type: str = ""
    sent: Any = None

    @property
    def key(self) -> Key:
        """The object's key."""
        return Key(self.resource.kind, self.namespace, self.name or self.sent_name)

    @property
    def sent_name(self) -> str:
        """The name of the object that is sent, if one is."""
        metadata = self.sent.get("metadata") if isinstance(self.sent, dict) else None
        return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""

    def says(self, parameter: str) -> bool:
        """Whether a parameter that is a truth is one."""
        return self.query.get(parameter, "").lower() in ("true", "1")

    @property
    def form(self) -> str:
        """As what the answer is wanted: `Table`, `PartialObjectMetadata`, or, empty, the objects."""
        return next((form for form in map(_form, self.accept.split(",")) if form is not None), "")


def understood(  # noqa: PLR0913, PLR0917 - the parts of a request over HTTP
    catalogue: Catalogue, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> Request:
    """A request over HTTP as one about objects.

    Raises:
        NotFound: there is nothing of the kind.
        Refused: that cannot be done with it.
        Invalid: what is sent cannot be read.
    """
    resource, namespace, name, subresource = _target(catalogue, path)
    verb = _verb(method, name, query)
    part = resource.subresources.get(subresource)
    if subresource and part is None:
        raise no_such_path()
    is_misplaced = (verb in ("update", "patch") and not name) or (verb == "create" and name and not subresource)
    if is_misplaced or verb not in (part.verbs if part else resource.verbs):
        message = "the server does not allow this method on the requested resource"
        raise Refused(message, status=405, reason="MethodNotAllowed")
    media_type = headers.get("Content-Type", "").partition(";")[0].strip()
    accept = headers.get("Accept", "")
    sent = parsed(body, media_type) if body else None
    return Request(resource, verb, namespace, name, subresource, query, accept, media_type, sent)


def takes_aggregated(accept: str) -> bool:
    """Whether a client takes discovery in the aggregated form."""
    wanted = set(AGGREGATED.split(";"))
    return any(wanted <= {part.strip() for part in one.split(";")} for one in accept.split(","))


def _target(catalogue: Catalogue, path: str) -> tuple[Resource, str, str, str]:
    root, *parts = [unquote(part) for part in path.strip("/").split("/")]
    if root not in ("api", "apis") or len(parts) < (2 if root == "api" else 3):
        raise no_such_path()
    group = parts.pop(0) if root == "apis" else ""
    version, *inside = parts
    namespace = ""
    if inside[0] == "namespaces" and len(inside) > 2 and catalogue.find(group, version, inside[2]):  # noqa: PLR2004 - as in a path
        _, namespace, *inside = inside
    resource = catalogue.find(group, version, inside[0])
    if resource is None or len(inside) > 3 or (len(inside) > 1 and resource.is_namespaced and not namespace):  # noqa: PLR2004
        raise no_such_path()
    name, subresource = (*inside[1:], "", "")[:2]
    return resource, namespace, name, subresource


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method in ("GET", "HEAD"):
        is_watch = query.get("watch", "").lower() in ("true", "1")
        return "watch" if is_watch else "get" if name else "list"
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    return VERBS.get(method, method.lower())


def parsed(body: bytes, media_type: str) -> Any:
    """What is sent.

    Raises:
        Invalid: it cannot be read.
        Refused: it is in a form that nobody here reads.
    """
    if "protobuf" in media_type:
        return decoded(body)
    try:
        return yaml.safe_load(body) if "yaml" in media_type else json.loads(body)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the body of the request cannot be read: {error}") from error


def _form(accepted: str) -> str | None:
    """As what one of the media types has the answer; `None` if it is no JSON."""
    type_, *parameters = [part.strip() for part in accepted.split(";")]
    if type_ not in ("application/json", "application/*", "*/*"):
        return None
    given = dict(part.split("=", 1) for part in parameters if "=" in part)
    if given.get("as", "") in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
        return given["as"].removesuffix("List") if given.get("v", "v1") == "v1" else None
    return ""
