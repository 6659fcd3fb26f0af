"""The server of `dask-reconciler local`, which refuses, delays and breaks what it is told to."""

import asyncio
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kubecluster.api.paths import Target, target
from models.kinds import NAMESPACE, POD, Key, Kind
from reconciler.cli.offline import DEFINITIONS
from reconciler.local.server import Server
from reconciler.local.server.catalogue import Catalogue
from reconciler.local.server.handlers import ApiHandler, ForwardHandler
from reconciler.local.server.request import Request, parsed
from reconciler.memory import MemoryAPI, definitions
from reconciler.memory.refusals import bad_request, not_found
from reconciler.wire.errors import ApiError
from reconciler.wire.protocol import Body

FOR_EVER = 10**9
VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound"}
CATALOGUE = Catalogue(definitions(DEFINITIONS))


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


class PodPorts(dict[str, dict[int, int]]):
    """Where Pods' ports lead: by the Pod's name, by its port, a TCP port of this machine. A Pod that lacks is made.

    Args:
        api: Where the Pods are.
    """

    def __init__(self, api: MemoryAPI) -> None:
        super().__init__()
        self._api = api

    def __setitem__(self, name: str, ports: dict[int, int]) -> None:
        super().__setitem__(name, ports)
        key = Key(POD, "default", name)
        if self._api.get(key) is None:
            named = [{"name": f"port-{number}", "containerPort": number} for number in ports]
            spec = {"containers": [{"name": "main", "image": "x", "ports": named}]}
            head = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}}
            self._api.create(POD, {**head, "spec": spec})
            self._api.set_status(key, {"phase": "Running"})


class FakeKubernetes(Server):
    """Serves an API in memory while it is entered, and Pods' ports; refuses what it is told to.

    Attributes:
        api: What answers.
        pods: Where Pods' ports lead; a Pod that is not among them is not there for whoever forwards.
        troubles: What is refused; may be changed at any time.
        refusals: Statuses and messages with which the next requests for ports are refused.
        logs: What Pods have written, by their names, or by `<pod>/<container>`.
        earlier_logs: What they had written before they were started again.
        nodes: The nodes there are.
        absent: The namespaces that there are not.
        late_seconds: How late answers are, by requests such as `create daskclusters`.
        refuse_forwarding: With which status and words ports are not forwarded, if so.
        requests: What was asked, such as `create daskclusters default/big`, in order.
        asked: The paths that were asked for, in order.
        tokens: What requests for ports were authenticated with.
        pings: How many pings came.
        sent: How many bytes the WebSockets took for the local side.
        open: The WebSockets that are open.
        ping_seconds: How often WebSockets are pinged, as something on the way may; never by default.

    Args:
        api: What answers; one without objects by default.
        tls: With what it serves; plain HTTP by default.
    """

    def __init__(self, api: MemoryAPI | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.api = api or MemoryAPI(lambda: datetime.now(UTC))
        self.pods = PodPorts(self.api)
        self.troubles: list[Refusal] = []
        self.refusals: list[tuple[int, str]] = []
        self.logs: dict[str, str] = {}
        self.earlier_logs: dict[str, str] = {}
        self.nodes: list[Body] = []
        self.absent: set[str] = set()
        self.requests: list[str] = []
        self.late_seconds: dict[str, float] = {}
        self.refuse_forwarding: tuple[int, str] | None = None
        self.asked: list[str] = []
        self.tokens: list[str] = []
        self.pings = 0
        self.sent = 0
        self.open: set[ForwardHandler] = set()
        self.ping_seconds = 0.0
        handlers = (Handler, Forwarding)
        super().__init__(self.api, CATALOGUE, self, lambda: datetime.now(UTC), tls=tls, handlers=handlers)

    @property
    def connections(self) -> int:
        """How many WebSockets are open."""
        return len(self.open)

    def cut(self) -> None:
        """End all WebSockets as a network does."""
        self._loop.call_soon_threadsafe(self._cut)

    def log(self, pod: Body, container: str, number: int) -> Path:
        """No file: what Pods write is in `logs`."""
        raise AssertionError(f"{pod}, {container}, {number}")

    def place(self, pod: Body, port: int) -> tuple[str, int]:
        """Where a Pod's port leads."""
        behind = self.pods[pod["metadata"]["name"]].get(port)
        if behind is None:
            raise ConnectionRefusedError("connection refused")
        return "127.0.0.1", behind

    def _cut(self) -> None:
        for one in tuple(self.open):
            if one.ws_connection is not None and one.ws_connection.stream is not None:
                one.ws_connection.stream.close()


class Handler(ApiHandler):
    """Answers all requests but those for ports, faults before all else."""

    @property
    def fake(self) -> FakeKubernetes:
        """The server."""
        assert isinstance(self.place.node, FakeKubernetes)
        return self.place.node

    def is_known(self, token: str) -> bool:  # noqa: ARG002
        return True

    async def prepare(self) -> None:
        what = target(self.request.path)
        verb = VERBS.get(self.request.method or "", "get" if what.name else "list")
        sent = parsed(self.request.body, "application/json") if self.request.body else {}
        name = what.name or sent.get("metadata", {}).get("name", "")
        self.fake.requests.append(f"{verb} {what.resource} {what.namespace}/{name}")
        self.fake.asked.append(self.request.uri or "")
        self.late_seconds = self.fake.late_seconds.get(f"{verb} {what.resource}", 0.0)
        trouble = next((one for one in self.fake.troubles if one.strikes(verb, what.resource)), None)
        if trouble is not None:
            await self._trouble(trouble, what)
        elif verb == "create" and what.namespace in self.fake.absent:
            self.refuse(not_found(Key(NAMESPACE, "", what.namespace)), (NAMESPACE, what.namespace))
        elif what.plural == "namespaces":
            self._namespaces(what)
        elif what.resource == "nodes":
            self.reply({"kind": "NodeList", "items": self.fake.nodes})

    def reply(self, body: Body, status: int = 200, type_: str = "application/json") -> None:
        if not self.late_seconds:
            super().reply(body, status, type_)
            return
        seconds, self.late_seconds, self._auto_finish = self.late_seconds, 0.0, False
        asyncio.get_running_loop().call_later(seconds, self.reply, body, status, type_)

    async def read_log(self, request: Request) -> None:
        if self.fake.api.get(request.key) is None:
            raise not_found(request.key)
        logs = self.fake.earlier_logs if request.says("previous") else self.fake.logs
        text = logs.get(f"{request.name}/{request.query.get('container', '')}", logs.get(request.name))
        if text is None:
            raise bad_request(f'container in pod "{request.name}" is waiting to start')
        self.finish(text)

    async def _trouble(self, trouble: Refusal, what: Target) -> None:
        if trouble.status > 0:
            kind = Kind(what.group, "v1", what.plural, what.plural)
            error = ApiError(trouble.message, status=trouble.status, reason=trouble.reason)
            self.refuse(error, None if trouble.bare else (kind, what.name))
            return
        while trouble.status < 0 and not self.is_over:
            await self.place.news.after(self.fake.api.revision, 1.0)
        self._auto_finish = False
        self.request.connection.stream.close()  # type: ignore[union-attr]
        self._finished = True
        self.on_finish()

    def _namespaces(self, what: Target) -> None:
        name = what.name or self.get_query_argument("fieldSelector", "").removeprefix("metadata.name=")
        found = [] if name in self.fake.absent else [{"kind": "Namespace", "metadata": {"name": name}}]
        if not what.name:
            self.reply({"kind": "NamespaceList", "items": found})
        elif found:
            self.reply(found[0])
        else:
            self.refuse(not_found(Key(NAMESPACE, "", name)), (NAMESPACE, name))


class Forwarding(ForwardHandler):
    """Answers requests for ports, faults before all else."""

    @property
    def fake(self) -> FakeKubernetes:
        """The server."""
        assert isinstance(self.place.node, FakeKubernetes)
        return self.place.node

    def is_known(self, token: str) -> bool:
        self.fake.asked.append(self.request.uri or "")
        self.fake.tokens.append(token)
        return True

    def prepare(self) -> Awaitable[None] | None:
        super().prepare()
        name = self.path_args[1]
        if self._finished:
            return None
        if self.fake.refuse_forwarding is not None or self.fake.refusals:
            status, message = self.fake.refuse_forwarding or self.fake.refusals.pop(0)
            self.refuse(ApiError(message, status=status, reason=REASONS.get(status, "")))
        elif name not in self.fake.pods:
            self.refuse(not_found(Key(POD, "", name)), (POD, name))
        return None

    def open(self, *arguments: str) -> None:
        self.fake.open.add(self)
        super().open(*arguments)
        self._ping_again()

    def on_close(self) -> None:
        self.fake.open.discard(self)
        super().on_close()

    def _ping_again(self) -> None:
        if self.fake.ping_seconds and self in self.fake.open:
            self.ping()
            asyncio.get_running_loop().call_later(self.fake.ping_seconds, self._ping_again)

    def on_ping(self, data: bytes) -> None:  # noqa: ARG002
        self.fake.pings += 1

    async def send(self, data: bytes) -> None:
        await super().send(data)
        self.fake.sent += len(data) - 1
