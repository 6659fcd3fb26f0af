"""The URL paths of Kubernetes' resources, written and read."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

DASK_GROUP = "kubernetes.dask.org"
KINDS = {
    "daskclusters": "DaskCluster",
    "daskworkergroups": "DaskWorkerGroup",
    "daskjobs": "DaskJob",
    "daskautoscalers": "DaskAutoscaler",
    "pods": "Pod",
    "services": "Service",
}


def path(  # noqa: PLR0913 -- the parts of a path
    kind_plural: str,
    namespace: str | None,
    name: str = "",
    *,
    group: str = DASK_GROUP,
    version: str = "v1",
    subresource: str = "",
) -> str:
    """The URL path of an object, or of a collection.

    Args:
        kind_plural: such as `daskclusters` or `pods`.
        namespace: where; `None` for everywhere, or for what is in no namespace.
        name: of the object; the collection by default.
        group: of the resource; empty for the core's, such as Pods.
        version: of the group.
        subresource: such as `log` or `scale`.
    """
    root = ["apis", group] if group else ["api"]
    place = ["namespaces", _quoted(namespace)] if namespace is not None else []
    parts = [*root, version, *place, kind_plural, *([_quoted(name)] if name else []), subresource]
    return "/" + "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path leads to.

    Attributes:
        group: of the resource; empty for the core's.
        plural: such as `pods`.
        namespace: where, or nothing.
        name: of the object; nothing for a collection.
        subresource: such as `log`, or nothing.
    """

    group: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def resource(self) -> str:
        """As roles spell it, such as `pods/log`."""
        return "/".join(part for part in (self.plural, self.subresource) if part)

    @property
    def is_dask(self) -> bool:
        """Whether it is one of Dask's custom resources."""
        return self.group == DASK_GROUP

    def __str__(self) -> str:
        kind = KINDS.get(self.plural) if self.name and not self.subresource else None
        where = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(part for part in (kind or self.resource, where) if part)


def target(path: str) -> Target:
    """What a path leads to, as `path` writes it."""
    root, *parts = [unquote(part) for part in path.strip("/").split("/")]
    group = parts.pop(0) if root == "apis" else ""
    inside = parts[1:]  # without the version
    namespace = ""
    if inside[:1] == ["namespaces"] and len(inside) > 2:  # noqa: PLR2004 -- a shorter path is that of a namespace itself
        _, namespace, *inside = inside
    plural, name, subresource = (*inside, "", "", "")[:3]
    return Target(group, plural, namespace, name, subresource)


def _quoted(part: str) -> str:
    """A name as one part of a path, whatever it is."""
    return quote(part, safe="") if part.strip(".") else part.replace(".", "%2E")
