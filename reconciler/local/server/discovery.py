"""What clients ask first: which groups, versions and resources there are."""

from collections.abc import Callable, Iterator

from models.kinds import VERSION
from reconciler.local.server.access import REVIEWS, Review
from reconciler.local.server.catalogue import Catalogue, Resource
from reconciler.wire.protocol import Body

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""The form in which all of it comes in two answers."""

SERVED_VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+dask-reconciler-local",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "local",
}
"""The Kubernetes whose behaviour the API in memory is held to."""

CORE_VERSION = "v1"


def discovered(catalogue: Catalogue, path: str, *, aggregated: bool) -> Body | None:
    """The answer to a request for what there is; `None` if the path asks for something else.

    Args:
        catalogue: What there is.
        path: The request's path.
        aggregated: Whether the client takes the aggregated form.
    """
    groups = [*catalogue.groups, *dict.fromkeys(one.group for one in REVIEWS)]
    answers: dict[str, Callable[[], Body]] = {
        "/version": lambda: dict(SERVED_VERSION),
        "/api": lambda: _aggregated(catalogue, [""]) if aggregated else _core_versions(),
        "/apis": lambda: _aggregated(catalogue, groups) if aggregated else _groups(groups),
        "/api/v1": lambda: _resources(catalogue, ""),
    }
    answers |= {f"/apis/{group}": lambda group=group: _group(group, kind="APIGroup") for group in groups}  # type: ignore[misc]
    answers |= {f"/apis/{group}/{VERSION}": lambda group=group: _resources(catalogue, group) for group in groups}  # type: ignore[misc]
    answer = answers.get(path.rstrip("/"))
    return None if answer is None else answer()


def _core_versions() -> Body:
    return {"kind": "APIVersions", "versions": [CORE_VERSION], "serverAddressByClientCIDRs": []}


def _groups(groups: list[str]) -> Body:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}


def _group(group: str, **more: str) -> Body:
    version = {"groupVersion": f"{group}/{VERSION}", "version": VERSION}
    head = {"apiVersion": "v1"} if more else {}
    return {**more, **head, "name": group, "versions": [version], "preferredVersion": version}


def _resources(catalogue: Catalogue, group: str) -> Body:
    version = f"{group}/{VERSION}" if group else VERSION
    found = [each for one in catalogue.of_group(group) for each in _listed(one)]
    found += [_review(one) for one in REVIEWS if group and one.group == group]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": found}


def _review(review: Review) -> Body:
    names = {"name": review.plural, "singularName": review.kind.lower()}
    return {**names, "namespaced": False, "kind": review.kind, "verbs": ["create"]}


def _listed(resource: Resource) -> Iterator[Body]:
    """A resource and its parts, as the unaggregated form lists them."""
    names = {"name": resource.kind.plural, "singularName": resource.singular, "namespaced": resource.is_namespaced}
    more = {"shortNames": [*resource.short_names], "categories": [*resource.categories]}
    filled = {name: value for name, value in more.items() if value}
    yield {**names, "kind": resource.kind.name, "verbs": [*resource.verbs], **filled}
    for name, part in resource.subresources.items():
        named = {"name": f"{resource.kind.plural}/{name}", "singularName": "", "namespaced": resource.is_namespaced}
        of = {} if part.group == resource.kind.group else {"group": part.group, "version": part.version}
        yield {**named, **of, "kind": part.name, "verbs": [*part.verbs]}


def _aggregated(catalogue: Catalogue, groups: list[str]) -> Body:
    items = []
    for group in groups:
        found = [_described(one) for one in catalogue.of_group(group)]
        found += [_described_review(one) for one in REVIEWS if group and one.group == group]
        version = {"version": VERSION, "resources": found, "freshness": "Current"}
        items.append({"metadata": {"name": group} if group else {}, "versions": [version]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _described(resource: Resource) -> Body:
    scope = "Namespaced" if resource.is_namespaced else "Cluster"
    parts = [
        {"subresource": name, "responseKind": _response(part.group, part.version, part.name), "verbs": [*part.verbs]}
        for name, part in resource.subresources.items()
    ]
    more = {"shortNames": [*resource.short_names], "categories": [*resource.categories], "subresources": parts}
    return {
        "resource": resource.kind.plural,
        "responseKind": _response(resource.kind.group, resource.kind.version, resource.kind.name),
        "scope": scope,
        "singularResource": resource.singular,
        "verbs": [*resource.verbs],
        **{name: value for name, value in more.items() if value},
    }


def _described_review(review: Review) -> Body:
    return {
        "resource": review.plural,
        "responseKind": _response(review.group, VERSION, review.kind),
        "scope": "Cluster",
        "singularResource": review.kind.lower(),
        "verbs": ["create"],
    }


def _response(group: str, version: str, kind: str) -> Body:
    return {"group": group, "version": version, "kind": kind}
