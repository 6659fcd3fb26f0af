"""From what the API says to models; one bad object never hides the others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError, create_model

from models.base import Model
from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from models.observed import Pod, Service
from models.resources import DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Unreadable
from reconciler.wire.wording import sentence

MODELS: Mapping[Kind, type[Observed]] = {
    DASK_JOB: DaskJob,
    DASK_CLUSTER: DaskCluster,
    DASK_WORKER_GROUP: DaskWorkerGroup,
    DASK_AUTOSCALER: DaskAutoscaler,
    POD: Pod,
    SERVICE: Service,
}

_LISTS: Mapping[Kind, type[Model]] = {
    kind: create_model(f"{kind}List", __base__=Model, items=(tuple[model, ...], ...))  # type: ignore[valid-type]
    for kind, model in MODELS.items()
}
_LONGEST_SHOWN = 80


class NotAListError(ValueError):
    """The answer to a list request is not a Kubernetes list."""


def parse_list(kind: Kind, payload: bytes) -> Sequence[Observed | Unreadable]:
    """The objects of a Kubernetes list.

    The whole list goes through the parser at once, without a detour by Python dicts; only if that fails is each
    object tried by itself.

    Raises:
        NotAListError: the payload is no list of objects.
    """
    try:
        return _LISTS[kind].model_validate_json(payload).items  # type: ignore[attr-defined, no-any-return]
    except ValidationError:
        pass
    try:
        items = json.loads(payload)["items"]
        return [parse_object(kind, item) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAListError(f"the answer is not a list of {kind.plural}: {payload[:_LONGEST_SHOWN]!r}") from error


def parse_object(kind: Kind, body: Mapping[str, Any]) -> Observed | Unreadable:
    """One object, or what is wrong with it."""
    try:
        return MODELS[kind].model_validate(body)
    except ValidationError as error:
        return _unreadable(kind, body, error)


def _unreadable(kind: Kind, body: Mapping[str, Any], error: ValidationError) -> Unreadable:
    meta = body.get("metadata") or {}
    return Unreadable(
        Key(kind, str(meta.get("namespace", "")), str(meta.get("name", ""))),
        sentence(error, body),
        tuple(str(owner.get("uid", "")) for owner in meta.get("ownerReferences") or ()),
        str(meta.get("uid", "")),
        int(meta.get("generation") or 0),
        body.get("status") or {},
    )
