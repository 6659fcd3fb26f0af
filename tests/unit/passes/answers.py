"""An API that answers writes as it is told, and threads that write in a fixed order."""

import json
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from models.kinds import DASK_WORKER_GROUP, POD, Key, Kind
from reconciler.passes.apply import Writers
from reconciler.passes.values import Verb
from reconciler.wire.protocol import Body, Reply, Subresource
from tests.builders import NAMESPACE

P = ParamSpec("P")
T = TypeVar("T")
Answer = Reply | Exception
OURS, THEIRS = "simple-uid", "stranger-uid"


def pod_answer(name: str = "p", owner: str = OURS, **metadata: Any) -> Body:
    reference = {"apiVersion": "v1", "kind": "DaskCluster", "name": "c", "uid": owner, "controller": True}
    meta = {"name": name, "namespace": NAMESPACE, "uid": f"{name}-uid", "ownerReferences": [reference], **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta}


@dataclass
class Stub:
    """An API that answers writes as it is told, and remembers them."""

    answer: Callable[[Verb, Key], Answer] = lambda _, key: Reply(pod_answer(key.name))
    there: Body | Exception | bytes | None = None
    writes: list[tuple[Verb, str]] = field(default_factory=list)
    statuses: int = 0
    lock: Lock = field(default_factory=Lock)

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        assert (kind in (POD, DASK_WORKER_GROUP), namespace, labels, fields) == (True, NAMESPACE, "", "metadata.name=p")
        if isinstance(self.there, Exception):
            raise self.there
        if isinstance(self.there, bytes):
            return self.there
        return json.dumps({"items": [self.there] if self.there else []}).encode()

    def create(self, kind: Kind, body: Body) -> Reply:
        return self._reply(Verb.CREATE, Key(kind, NAMESPACE, body["metadata"]["name"]), None)

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        assert body
        return self._reply(Verb.UPDATE, key, subresource)

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        assert body
        return self._reply(Verb.REPORT, key, subresource)

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        assert all(isinstance(guard, str) for guard in (uid, resource_version))
        return self._reply(Verb.DELETE, key, None)

    def _reply(self, verb: Verb, key: Key, subresource: Subresource | None) -> Reply:
        with self.lock:
            self.writes.append((verb, key.name))
            self.statuses += subresource == "status"
        answer = self.answer(verb, key)
        if isinstance(answer, Exception):
            raise answer
        return answer


class AtOnce(Executor):
    """Runs what it is given before it returns, so that writes that may be under way together come in a fixed order."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


AT_ONCE = Writers(AtOnce(), 8)
ONE_BY_ONE = Writers(AtOnce(), 1)
