"""Which resources are served: their names, what can be done with them, and how `kubectl get` shows custom ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.kinds import CONFIG_MAP, EVENT, NAMESPACE, POD, POD_DISRUPTION_BUDGET, SECRET, SERVICE, Kind, kind_of
from reconciler.wire.protocol import Body

READ = ("get", "list")
ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CHANGED = ("get", "patch", "update")
AUTOSCALING = "autoscaling", "v1", "Scale"


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of an object with a path of its own.

    Args:
        verbs: What can be done with it.
        group: Of what it is shown as.
        version: Of that group.
        name: The kind that it is shown as.
    """

    verbs: tuple[str, ...]
    group: str
    version: str
    name: str


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource.

    Args:
        kind: Its kind.
        short_names: What kubectl takes for its name, too.
        categories: What it is a part of for kubectl, such as `all`.
        is_namespaced: Whether its objects are in namespaces.
        verbs: What can be done with it.
        subresources: Its parts, by name.
        columns: The columns of a custom resource, as its definition has them.
        scale: Where a custom resource has its replicas, as its definition says; empty if it cannot be scaled.
        schema: The schema of a custom resource.
    """

    kind: Kind
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    is_namespaced: bool = True
    verbs: tuple[str, ...] = ALL
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    columns: tuple[Body, ...] = ()
    scale: Mapping[str, str] = field(default_factory=dict)
    schema: Body = field(default_factory=dict)

    @property
    def is_custom(self) -> bool:
        """Whether a custom resource definition describes it."""
        return bool(self.schema)

    @property
    def singular(self) -> str:
        """The name of one object's resource."""
        return self.kind.name.lower()


def _part(verbs: tuple[str, ...], kind: Kind) -> Subresource:
    return Subresource(verbs, kind.group, kind.version, kind.name)


BUILT_IN = (
    Resource(CONFIG_MAP, ("cm",)),
    Resource(EVENT, ("ev",)),
    Resource(NAMESPACE, ("ns",), is_namespaced=False, verbs=(*READ, "create", "patch")),
    Resource(POD_DISRUPTION_BUDGET, ("pdb",)),
    Resource(
        POD,
        ("po",),
        ("all",),
        subresources={
            "log": _part(("get",), POD),
            "portforward": Subresource(("create", "get"), "", "v1", "PodPortForwardOptions"),
            "status": _part(CHANGED, POD),
        },
    ),
    Resource(SECRET),
    Resource(SERVICE, ("svc",), ("all",), subresources={"status": _part(CHANGED, SERVICE)}),
)


class Catalogue:
    """What is served.

    Args:
        definitions: The custom resource definitions.
    """

    def __init__(self, definitions: Iterable[Body]) -> None:
        self.resources: tuple[Resource, ...] = (*BUILT_IN, *map(_custom, definitions))
        self._by_path = {(one.kind.group, one.kind.version, one.kind.plural): one for one in self.resources}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource that a path names, if it is served."""
        return self._by_path.get((group, version, plural))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that resources are in, but for Kubernetes' core."""
        return tuple(dict.fromkeys(one.kind.group for one in self.resources if one.kind.group))

    def of_group(self, group: str) -> tuple[Resource, ...]:
        """The resources of a group."""
        return tuple(one for one in self.resources if one.kind.group == group)

    def allows(self, group: str, plural: str, subresource: str, verb: str) -> bool:
        """Whether a verb can be used on a resource; `*` stands for any of them."""
        for one in self.resources:
            is_meant = group in ("*", one.kind.group) and plural in ("*", one.kind.plural)
            part = one.subresources.get(subresource)
            verbs = (part.verbs if part else ()) if subresource else one.verbs
            if is_meant and (verb in verbs or (verb == "*" and verbs)):
                return True
        return False


def _custom(definition: Body) -> Resource:
    spec = definition["spec"]
    [version] = spec["versions"]
    kind = kind_of(f"{spec['group']}/{version['name']}", spec["names"]["kind"])
    assert kind is not None, f"{spec['names']['kind']} is none of our kinds"
    parts, subresources = version.get("subresources", {}), {}
    if "status" in parts:
        subresources["status"] = _part(CHANGED, kind)
    if "scale" in parts:
        subresources["scale"] = Subresource(CHANGED, *AUTOSCALING)
    return Resource(
        kind,
        tuple(spec["names"].get("shortNames", ())),
        tuple(spec["names"].get("categories", ())),
        subresources=subresources,
        columns=tuple(version.get("additionalPrinterColumns", ())),
        scale=parts.get("scale", {}),
        schema=version["schema"]["openAPIV3Schema"],
    )
