"""OpenAPI v3 of what is served: what `kubectl explain` shows, and how kubectl learns that the server validates fields.

Of Kubernetes' own kinds only the specs that the custom resources are made of are known in detail.
"""

from collections.abc import Iterator

from models.kinds import DASK_CLUSTER, GROUP, POD, SERVICE, VERSION
from reconciler.local.server.catalogue import Catalogue, Resource
from reconciler.wire.protocol import Body

ROOT = "/openapi/v3"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUERY = ("dryRun", "fieldManager", "fieldValidation")
_COMMON = {
    "apiVersion": {"type": "string", "description": "The version of this kind."},
    "kind": {"type": "string", "description": "The kind of this object."},
}
_METADATA = {
    "name": ("string", "The name of the object, unique in its namespace."),
    "namespace": ("string", "Where the object is."),
    "labels": ("object", "What objects are selected by."),
    "annotations": ("object", "What others have noted on the object."),
    "uid": ("string", "Tells the object from others of the same name."),
    "resourceVersion": ("string", "Tells the object's states apart."),
    "creationTimestamp": ("string", "When the object was created."),
    "deletionTimestamp": ("string", "When the object is to be gone."),
    "finalizers": ("array", "What must be done before the object can go."),
    "ownerReferences": ("array", "What the object goes with."),
}


def document(catalogue: Catalogue, path: str) -> Body | None:
    """The document at a path; `None` if there is none."""
    documents = {"api/v1": "", **{f"apis/{group}/{VERSION}": group for group in catalogue.groups}}
    if path == ROOT:
        return {"paths": {name: {"serverRelativeURL": f"{ROOT}/{name}"} for name in documents}}
    group = documents.get(path.removeprefix(f"{ROOT}/"))
    if group is None:
        return None
    resources = catalogue.of_group(group)
    schemas = {_name(one): _schema(catalogue, one) for one in resources}
    return {
        "openapi": "3.0.0",
        "info": {"title": "dask-reconciler local", "version": VERSION},
        "paths": {where: what for one in resources for where, what in _paths(one)},
        "components": {"schemas": {**schemas, _META: _metadata()}},
    }


def _name(resource: Resource) -> str:
    kind = resource.kind
    group = "org.dask.kubernetes" if resource.is_custom else f"io.k8s.api.{kind.group or 'core'}"
    return f"{group}.{kind.version}.{kind.name}"


def _paths(resource: Resource) -> Iterator[tuple[str, Body]]:
    """Where objects are, with what can be done there."""
    kind = resource.kind
    named = {"group": kind.group, "version": kind.version, "kind": kind.name}
    base = kind.path("{namespace}" if resource.is_namespaced else None)
    answer = {"200": {"description": "OK"}}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _QUERY]

    def operation(action: str) -> Body:
        body = {"x-kubernetes-group-version-kind": named, "x-kubernetes-action": action, "responses": answer}
        return body if action in ("get", "list", "delete") else {**body, "parameters": parameters}

    yield base, {"get": operation("list"), "post": operation("post")}
    methods = ("get", "put", "patch", "delete") if "patch" in resource.verbs else ("get",)
    yield f"{base}/{{name}}", {method: operation(method) for method in methods}


def _schema(catalogue: Catalogue, resource: Resource) -> Body:
    kind = resource.kind
    schema = resource.schema or _built_in(catalogue, resource)
    properties = {**_COMMON, **schema["properties"], "metadata": _reference()}
    named = {"group": kind.group, "version": kind.version, "kind": kind.name}
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": [named]}


def _built_in(catalogue: Catalogue, resource: Resource) -> Body:
    cluster = catalogue.find(GROUP, VERSION, DASK_CLUSTER.plural)
    assert cluster is not None
    scheduler = cluster.schema["properties"]["spec"]["properties"]["scheduler"]["properties"]
    specs = {POD: scheduler["spec"], SERVICE: scheduler["service"]}
    spec = {"spec": specs[resource.kind], "status": {"type": "object"}} if resource.kind in specs else {}
    return {"type": "object", "description": f"A {resource.kind.name} of Kubernetes.", "properties": spec}


def _reference() -> Body:
    return {"description": "Name, labels and the like.", "allOf": [{"$ref": f"#/components/schemas/{_META}"}]}


def _metadata() -> Body:
    properties: Body = {}
    for name, (type_, words) in _METADATA.items():
        properties[name] = {"type": type_, "description": words}
        if type_ == "object":
            properties[name]["additionalProperties"] = {"type": "string"}
        elif type_ == "array":
            properties[name]["items"] = {"type": "string" if name == "finalizers" else "object"}
    return {"type": "object", "description": "What every object has.", "properties": properties}
