"""Requests about objects, answered by the API in memory."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.base import wire_time
from models.kinds import CONFIG_MAP, KNOWN_KINDS, NAMESPACE, SECRET, Key
from reconciler.local.server.patches import APPLY, MERGE, change
from reconciler.local.server.request import Request
from reconciler.local.server.scale import rescaled, scale, scale_table
from reconciler.local.server.tables import META, partial, table
from reconciler.memory import MemoryAPI
from reconciler.memory.refusals import already_exists, bad_request, not_found
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body, Reply, Subresource

CREATED = 201
KIND = ("apiVersion", "kind")
"""What the items of a list of Kubernetes' own kinds leave out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Args:
        body: What is answered.
        status: The HTTP status.
        warnings: What is to be told besides.
    """

    body: Body
    status: int = 200
    warnings: tuple[str, ...] = ()


class Objects:
    """The objects of an API in memory, as requests over HTTP ask for them.

    - With `dryRun=All` all is checked, and nothing changes.
    - With `fieldValidation=Strict` nothing is written that would bring a warning.
    - Lists are whole: `limit` is the most that a client wants at once, and may be ignored.

    Args:
        api: The API.
        clock: The time.
    """

    def __init__(self, api: MemoryAPI, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._clock = clock
        self._begun = wire_time(clock())

    def answer(self, request: Request) -> Answer:
        """The answer to a request that is not a watch.

        Raises:
            ApiError: it is refused.
        """
        if request.resource.kind == NAMESPACE and request.verb in ("create", "patch"):
            return self._made(request)
        match request.verb:
            case "get":
                return self._shown(request, self._got(request))
            case "list":
                return self._listed(request)
            case "deletecollection":
                return self._deleted_all(request)
        validation = request.query.get("fieldValidation", "Warn")
        if request.query.get("dryRun"):
            reply = self._written(self._api.rehearsal(request.key), request)
        elif validation == "Strict" and request.verb != "delete":
            self._refuse_warnings(request)
            reply = self._written(self._api, request)
        else:
            reply = self._written(self._api, request)
        warnings = () if validation == "Ignore" else reply.warnings
        return self._shown(request, reply.body, CREATED if request.verb == "create" else 200, warnings)

    def shown(self, request: Request, body: Body) -> Body:
        """An object in the form that a request wants."""
        version = body["metadata"]["resourceVersion"]
        if request.form == "Table":
            include = request.query.get("includeObject", "Metadata")
            return table(request.resource, [body], version, include, self._clock())
        return partial(body) if request.form else body

    def empty_table(self, request: Request, version: str) -> Body:
        """A table without a row."""
        return table(request.resource, [], version, "None", self._clock())

    def whole(self, request: Request) -> tuple[list[Body], str]:
        """All objects that a request for a collection asks for, and the version of that."""
        kind, query = request.resource.kind, request.query
        if kind == NAMESPACE:
            return self._namespaces(query.get("fieldSelector", "")), str(self._api.revision)
        labels, fields = query.get("labelSelector", ""), selected_fields(request)
        listed = json.loads(self._api.list(kind, request.namespace or None, labels=labels, fields=fields))
        named = {"apiVersion": kind.api_version, "kind": kind.name}  # which lists of Kubernetes' own kinds leave out
        return [{**named, **item} for item in listed["items"]], listed["metadata"]["resourceVersion"]

    def _shown(self, request: Request, body: Body, status: int = 200, warnings: Sequence[str] = ()) -> Answer:
        if body.get("kind") == request.resource.kind.name:
            body = self.shown(request, body)
        elif request.subresource == "scale" and request.form == "Table":
            body = scale_table(body, self._clock())
        return Answer(body, status, tuple(warnings))

    def _got(self, request: Request) -> Body:
        if request.resource.kind == NAMESPACE:
            return self._namespace(request.name)
        body = self._api.get(request.key)
        if body is None:
            raise not_found(request.key)
        return scale(request.resource, body) if request.subresource == "scale" else body

    def _listed(self, request: Request) -> Answer:
        items, version = self.whole(request)
        kind = request.resource.kind
        if request.form == "Table":
            include = request.query.get("includeObject", "Metadata")
            return Answer(table(request.resource, items, version, include, self._clock()))
        meta = {"resourceVersion": version}
        if request.form:
            head = {"kind": "PartialObjectMetadataList", "apiVersion": META, "metadata": meta}
            return Answer({**head, "items": [*map(partial, items)]})
        if not kind.group:
            items = [{name: value for name, value in item.items() if name not in KIND} for item in items]
        return Answer({"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": meta, "items": items})

    def _made(self, request: Request) -> Answer:
        """What becomes of a namespace that somebody makes or changes: it is there already, as it is."""
        if request.verb == "create":
            name = (_object(request).get("metadata") or {}).get("name", "")
            raise already_exists(Key(NAMESPACE, "", str(name)))
        return self._shown(request, self._namespace(request.name))

    def _namespaces(self, fields: str) -> list[Body]:
        """Every namespace is there; those are shown that have something in them, or are asked for by name."""
        wanted = fields.removeprefix("metadata.name=") if fields.startswith("metadata.name=") else ""
        kinds = (*KNOWN_KINDS, CONFIG_MAP, SECRET)
        used = {body["metadata"]["namespace"] for kind in kinds for body in self._api.objects(kind)}
        return [self._namespace(name) for name in sorted({wanted} if wanted else {"default", *used})]

    def _namespace(self, name: str) -> Body:
        metadata = {"name": name, "uid": f"namespace-{name}", "resourceVersion": "1", "creationTimestamp": self._begun}
        labels = {"kubernetes.io/metadata.name": name}
        head = {"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {**metadata, "labels": labels}}
        return {**head, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}

    def _refuse_warnings(self, request: Request) -> None:
        """Refuse what would bring a warning.

        Raises:
            Invalid: it would.
        """
        # One that is to be created is looked at before it is known whether it is there.
        key = request.key._replace(name="") if request.verb == "create" else request.key
        try:
            warnings = self._written(self._api.rehearsal(key), request).warnings
        except ApiError as error:
            if not error.warnings:
                raise
            warnings = error.warnings
        if warnings:
            kind = request.resource.kind
            said = ", ".join(warnings)
            raise bad_request(
                f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: '
                f"strict decoding error: {said}"
            )

    def _written(self, api: MemoryAPI, request: Request) -> Reply:
        """Carry out a write."""
        match request.verb:
            case "create":
                return api.create(request.resource.kind, _placed(request, _object(request)))
            case "update":
                return self._changed(api, request, _replacement(request))
            case "patch" if request.media_type in APPLY:
                return self._applied(api, request)
            case "patch":
                part, is_custom = request.subresource, request.resource.is_custom
                if request.media_type == MERGE and part != "scale" and isinstance(request.sent, dict):
                    return api.patch(request.key, request.sent, _subresource(part))
                return self._changed(api, request, change(request.media_type, request.sent, is_custom=is_custom))
        return self._deleted(api, request)

    def _changed(self, api: MemoryAPI, request: Request, alter: Callable[[Body], None]) -> Reply:
        if request.subresource == "scale":
            reply = api.change(request.key, rescaled(request.resource, alter))
            return Reply(scale(request.resource, reply.body), reply.warnings)
        return api.change(request.key, alter, _subresource(request.subresource))

    def _applied(self, api: MemoryAPI, request: Request) -> Reply:
        manager = request.query.get("fieldManager", "")
        if not manager:
            raise bad_request('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value')
        return api.apply(
            request.key,
            _placed(request, _object(request)),
            _subresource(request.subresource),
            manager=manager,
            takes_over=request.says("force"),
        )

    def _deleted(self, api: MemoryAPI, request: Request) -> Reply:
        options = request.sent if isinstance(request.sent, dict) else {}
        guards = options.get("preconditions") or {}
        grace = options.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
        if options.get("propagationPolicy", request.query.get("propagationPolicy")) == "Orphan":
            api.orphan(request.key)
        seconds = None if grace is None else int(grace)
        return api.delete(request.key, guards.get("uid"), guards.get("resourceVersion", ""), seconds)

    def _deleted_all(self, request: Request) -> Answer:
        items, version = self.whole(request)
        for item in items:
            meta = item["metadata"]
            if not request.query.get("dryRun"):
                self._api.delete(Key(request.resource.kind, meta["namespace"], meta["name"]), meta["uid"])
        kind = request.resource.kind
        head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {"resourceVersion": version}}
        return Answer({**head, "items": items})


def selected_fields(request: Request) -> str:
    """The field selector of a request; a watch of one object names it in the path."""
    named = f"metadata.name={request.name}" if request.name else ""
    return ",".join(part for part in (request.query.get("fieldSelector", ""), named) if part)


def _object(request: Request) -> Body:
    if not isinstance(request.sent, dict):
        raise bad_request("the body of the request is no object")
    return request.sent


def _placed(request: Request, body: Body) -> Body:
    """An object with the namespace of the request.

    Raises:
        Invalid: it has another one.
    """
    metadata: Any = body.get("metadata")
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict):
        raise bad_request("metadata is no object")
    if metadata.get("namespace", request.namespace) not in ("", request.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return {**body, "metadata": {**metadata, "namespace": request.namespace}}


def _replacement(request: Request) -> Callable[[Body], None]:
    new = _object(request) if request.subresource == "scale" else _placed(request, _object(request))

    def replace(body: Body) -> None:
        body.clear()
        body.update(new)

    return replace


def _subresource(name: str) -> Subresource | None:
    return "status" if name == "status" else None
