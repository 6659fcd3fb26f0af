"""An API server in this process: an API in memory behind HTTP, with Pods whose logs are read and ports forwarded."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from kubecluster.api.paths import Target, target
from models.kinds import ALL_KINDS, POD, Key, Kind
from reconciler.memory import MemoryAPI
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body
from tests.kubecluster.fakepods import FakePods

FOR_EVER = 10**9
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
NOT_FOUND = 404


@dataclass
class Refusal:
    """What is refused, from the first request that matches on.

    Args:
        status: With which HTTP status; 0 breaks the connection, -1 answers nothing.
        verb: `get`, `list`, `create`, `patch` or `delete`; any by default.
        resource: Such as `pods` or `pods/log`; any by default.
        message: What is said.
        reason: A word for that.
        times: How many requests are refused.
        bare: Whether it says of no object, as where there is no such kind.
    """

    status: int
    verb: str | None = None
    resource: str | None = None
    message: str = "injected"
    reason: str = "Forbidden"
    times: int = FOR_EVER
    bare: bool = False

    def strikes(self, verb: str, resource: str) -> bool:
        """Whether it is about this request; counts it."""
        is_meant = self.verb in (None, verb) and self.resource in (None, resource) and self.times > 0
        self.times -= is_meant
        return is_meant


class FakeKubernetes(FakePods):
    """Serves an API in memory under Kubernetes' URLs while it is entered, and Pods' ports; refuses what it is told to.

    Attributes:
        api: What answers.
        troubles: What is refused; may be changed at any time.
        logs: What Pods have written, by their names, or by `<pod>/<container>`.
        earlier_logs: What they had written before they were started again.
        nodes: The nodes there are.
        absent: The namespaces that there are not.
        late_seconds: How late answers are, by requests such as `create daskclusters`.
        refuse_forwarding: With which status and words ports are not forwarded, if so.
        requests: What was asked, such as `create daskclusters default/big`, in order.

    Args:
        api: What answers.
    """

    def __init__(self, api: MemoryAPI) -> None:
        super().__init__()
        self.api = api
        self.troubles: list[Refusal] = []
        self.logs: dict[str, str] = {}
        self.earlier_logs: dict[str, str] = {}
        self.nodes: list[Body] = []
        self.absent: set[str] = set()
        self.requests: list[str] = []
        self.late_seconds: dict[str, float] = {}
        self.refuse_forwarding: tuple[int, str] | None = None

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}/portforward", self._forward)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.refuse_forwarding is not None:
            return _status(self.refuse_forwarding[0], "Forbidden", self.refuse_forwarding[1], None)
        return super()._refusal(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        what = target(request.path)
        verb = VERBS.get(request.method, "get" if what.name else "list")
        sent = await request.json() if request.can_read_body else {}
        self.requests.append(
            f"{verb} {what.resource} {what.namespace}/{what.name or sent.get('metadata', {}).get('name', '')}"
        )
        trouble = next((one for one in self.troubles if one.strikes(verb, what.resource)), None)
        if trouble is None:
            response = self._carried_out(verb, what, request, sent)
            await asyncio.sleep(self.late_seconds.get(f"{verb} {what.resource}", 0))
            return response
        if trouble.status > 0:
            return _status(trouble.status, trouble.reason, trouble.message, None if trouble.bare else what)
        if trouble.status < 0:
            await asyncio.sleep(FOR_EVER)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    def _carried_out(self, verb: str, what: Target, request: web.Request, sent: Body) -> web.Response:
        if what.resource == "nodes":
            return web.json_response({"kind": "NodeList", "items": self.nodes})
        is_nowhere = verb == "create" and what.namespace in self.absent
        if what.resource == "namespaces" or is_nowhere:
            about = Target("", "namespaces", name=what.namespace) if is_nowhere else what
            return self._namespace(about, request.query.get("fieldSelector", ""))
        if what.resource == "pods/log":
            is_earlier = request.query.get("previous") == "true"
            return self._log(what, request.query.get("container", ""), self.earlier_logs if is_earlier else self.logs)
        kind = next((kind for kind in ALL_KINDS if (kind.group, kind.plural) == (what.group, what.plural)), None)
        if kind is None:
            return _status(NOT_FOUND, "NotFound", "the server could not find the requested resource", None)
        try:
            return self._performed(kind, verb, what, request.query.get("labelSelector", ""), sent)
        except ApiError as error:
            return _status(error.status or 500, error.reason, error.message, what)

    def _performed(self, kind: Kind, verb: str, what: Target, labels: str, sent: Body) -> web.Response:
        key = Key(kind, what.namespace, what.name)
        found = self.api.get(key)
        if verb == "list":
            listing = self.api.list(kind, what.namespace or None, labels=labels)
            return web.Response(body=listing, content_type="application/json")
        if verb == "create":
            metadata = {"namespace": what.namespace, **sent["metadata"]}
            return web.json_response(self.api.create(kind, {**sent, "metadata": metadata}).body, status=201)
        if found is None:
            return _status(NOT_FOUND, "NotFound", f'{what.resource} "{what.name}" not found', what)
        if verb == "patch":
            return web.json_response(self.api.patch(key, sent).body)
        if verb == "delete":
            uid = sent.get("preconditions", {}).get("uid") or found["metadata"]["uid"]
            return web.json_response(self.api.delete(key, uid).body)
        return web.json_response(found)

    def _namespace(self, what: Target, fields: str) -> web.Response:
        name = what.name or fields.removeprefix("metadata.name=")
        found = [] if name in self.absent else [{"kind": "Namespace", "metadata": {"name": name}}]
        if not what.name:
            return web.json_response({"kind": "NamespaceList", "items": found})
        if not found:
            return _status(NOT_FOUND, "NotFound", f'namespaces "{name}" not found', what)
        return web.json_response(found[0])

    def _log(self, what: Target, container: str, logs: dict[str, str]) -> web.Response:
        if self.api.get(Key(POD, what.namespace, what.name)) is None:
            return _status(NOT_FOUND, "NotFound", f'pods "{what.name}" not found', what)
        text = logs.get(f"{what.name}/{container}", logs.get(what.name))
        if text is None:
            return _status(400, "BadRequest", f'container in pod "{what.name}" is waiting to start', what)
        return web.Response(text=text)


def _status(code: int, reason: str, message: str, about: Target | None) -> web.Response:
    details = {"details": {"name": about.name, "kind": about.plural}} if about is not None else {}
    body: dict[str, Any] = {"kind": "Status", "code": code, "reason": reason, "message": message, **details}
    return web.Response(body=json.dumps(body), status=code, content_type="application/json")
