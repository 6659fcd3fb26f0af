"""One of each request, and what answers it."""

import json
from collections.abc import Callable

from models.kinds import POD, Key
from reconciler.api import HTTPAPI
from reconciler.wire.protocol import Reply

KEY = Key(POD, "default", "p")
OBJECT = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}}
BODY = json.dumps(OBJECT).encode()
LIST = b'{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":[' + b",".join([BODY] * 100) + b"]}"

WRITES: dict[str, Callable[[HTTPAPI], Reply]] = {
    "create": lambda api: api.create(POD, OBJECT),
    "patch": lambda api: api.patch(KEY, {}),
    "patch status": lambda api: api.patch(KEY, {}, "status"),
    "apply": lambda api: api.apply(KEY, OBJECT),
    "delete": lambda api: api.delete(KEY, "u"),
}
REQUESTS: dict[str, Callable[[HTTPAPI], object]] = {"list": lambda api: api.list(POD, None), **WRITES}
