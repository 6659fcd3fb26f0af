"""How a child is marked as its owner's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.base import Meta
from models.kinds import POD, Kind
from models.resources import DaskCluster, DaskJob, Metadata
from models.snapshot import Owner
from reconciler.passes.values import Body
from reconciler.rules import names
from reconciler.rules.labels import (
    CLUSTER,
    ISTIO,
    ROLE,
    SET_BY_OWNER,
    Role,
    flow_down,
    set_by_owner,
)
from reconciler.rules.parts import naming_or_default


@dataclass(frozen=True, slots=True)
class Marks:
    """The labels and annotations of a child.

    Args:
        role: What the child is to its owner.
        sources: Where users' labels and annotations flow from, the weakest first.
        labels: The reconciler's own labels.
        annotations: The reconciler's own annotations.
        spec_fields: The paths of the spec's fields that come from the owner, if it is merged rather than replaced.
    """

    role: Role
    sources: tuple[Metadata | Meta, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    spec_fields: tuple[str, ...] = ()


def child_body(kind: Kind, name: str, owner: Owner, marks: Marks, spec: Body | None) -> Body:
    """A child as it would be created, with its owner reference and the label by which it is found in it.

    Args:
        kind: The child's kind.
        name: The child's name.
        owner: The resource it belongs to; the child lives in its namespace and is garbage-collected with it.
        marks: Its labels and annotations.
        spec: Its spec; `None` leaves the spec of a child that exists as it is.
    """
    user_labels = flow_down(*(source.labels for source in marks.sources))
    user_annotations = flow_down(*(source.annotations for source in marks.sources))
    remembered = set_by_owner(user_labels, user_annotations, marks.spec_fields)
    ours = {**marks.annotations, ROLE: str(marks.role)}
    if remembered != "{}":
        ours[SET_BY_OWNER] = remembered
    body: Body = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": owner.metadata.namespace,
            "labels": {
                **_default_labels(kind, user_annotations),
                **user_labels,
                **marks.labels,
                CLUSTER: _cluster(owner),
            },
            "annotations": {**user_annotations, **ours},
            "ownerReferences": [owner_reference(owner)],
        },
    }
    return body if spec is None else {**body, "spec": spec}


def _default_labels(kind: Kind, user_annotations: Mapping[str, str]) -> Mapping[str, str]:
    """Labels that are the user's if they set them, at whatever level."""
    return {} if kind != POD or ISTIO in user_annotations else {ISTIO: "false"}


def _cluster(owner: Owner) -> str:
    """The name of the cluster that the owner's children belong to, as a label's value."""
    match owner:
        case DaskCluster():
            name = owner.metadata.name
        case DaskJob():
            name = names.job_cluster(naming_or_default(owner), owner.metadata.name)
        case _:
            name = owner.spec.cluster
    return names.label_value(name)


def owner_reference(owner: Owner, *, controller: bool = True) -> Body:
    """A reference to the owner; its uid makes sure that a namesake created later is not taken for it."""
    return {
        "apiVersion": owner.kind().api_version,
        "kind": owner.kind().name,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid,
        "controller": controller,
        "blockOwnerDeletion": True,
    }
