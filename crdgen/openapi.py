"""Kubernetes' own schemas of PodSpec and ServiceSpec: trimmed into a data file, and opened up for our CRDs.

The data file, kubernetes.json, holds the definitions that those two need, as Kubernetes 1.34 publishes them, without
descriptions. To bring it up to another version, run this against any cluster of that version:

    kubectl get --raw /openapi/v3/api/v1 > openapi.json
    python -m crdgen.crds --refresh openapi.json
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

Schema = dict[str, Any]

POD_SPEC = "io.k8s.api.core.v1.PodSpec"
SERVICE_SPEC = "io.k8s.api.core.v1.ServiceSpec"
DATA_FILE = "kubernetes.json"

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_EPHEMERAL_CONTAINER = "io.k8s.api.core.v1.EphemeralContainer"

# What the data file keeps of a definition. Left out on purpose: descriptions (our files must fit the annotation of
# client-side apply); defaults (they would change a template's hash when Kubernetes is upgraded); list-type and map
# keys (two env variables of one name are legal in a Pod, but not in a list keyed by name); formats and patch hints.
_KEPT = ("type", "properties", "required", "items", "additionalProperties", "$ref")

# Where Kubernetes requires more than dask-kubernetes' CRDs, made from 1.21, did.
_REQUIRED: dict[str, list[str]] = {"io.k8s.api.core.v1.HostAlias": []}

OPEN = {"x-kubernetes-preserve-unknown-fields": True}
"""Makes an object accept, and keep, fields that the schema does not know; without a type, any value at all."""

_SPECIAL: dict[str, Schema] = {
    # A string, an integer or a decimal. A structural schema has no union of these but "anything".
    _QUANTITY: OPEN,
    _INT_OR_STRING: {"x-kubernetes-int-or-string": True},
    # Only of volume claim templates, which the API server checks again when it creates the Pod.
    _OBJECT_META: {"type": "object", **OPEN},
    # No Pod can be created with these: they are added to a running one.
    _EPHEMERAL_CONTAINER: {"type": "object", **OPEN},
}


def trimmed(document: Schema) -> dict[str, Schema]:
    """The definitions that PodSpec and ServiceSpec need, from an API server's OpenAPI document.

    Args:
        document: OpenAPI v3 (`/openapi/v3/api/v1`) or v2 (`/openapi/v2`).

    Raises:
        KeyError: The document lacks a definition.
    """
    definitions = document["definitions"] if "definitions" in document else document["components"]["schemas"]
    kept: dict[str, Schema] = {}
    wanted = [POD_SPEC, SERVICE_SPEC]
    while wanted:
        name = wanted.pop()
        if name not in kept and name not in _SPECIAL:
            kept[name] = _trim(definitions[name])
            if name in _REQUIRED:
                kept[name]["required"] = _REQUIRED[name]
            wanted += _references(kept[name])
    return dict(sorted(kept.items()))


def _trim(node: Schema) -> Schema:
    """A definition without what our schemas leave out; OpenAPI v3 wraps each reference in an `allOf`."""
    for wrapped in node.get("allOf", ()):
        node = {**node, **wrapped}
    if "$ref" in node:
        return {"$ref": node["$ref"].rpartition("/")[2]}
    kept = {key: node[key] for key in _KEPT if key in node}
    if "properties" in kept:
        kept["properties"] = {name: _trim(field) for name, field in sorted(kept["properties"].items())}
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = _trim(kept[key])
    return kept


def _references(node: Schema) -> Iterator[str]:
    if "$ref" in node:
        yield node["$ref"]
    children = [
        *node.get("properties", {}).values(),
        *(node[key] for key in ("items", "additionalProperties") if key in node),
    ]
    for child in children:
        yield from _references(child)


def kubernetes_definitions() -> dict[str, Schema]:
    """The definitions in the data file, by name."""
    definitions: dict[str, Schema] = json.loads((files("models") / DATA_FILE).read_text("utf-8"))
    return definitions


def open_schema(name: str, definitions: Mapping[str, Schema]) -> Schema:
    """One definition as a structural schema that keeps unknown fields at every level.

    Whatever field a newer Kubernetes has, or a user has put in the wrong place, is accepted here and left to the API
    server, which knows Pods and Services better than a copy of its schema does.
    """
    if name in _SPECIAL:
        return _SPECIAL[name]
    return _open(definitions[name], definitions)


def _open(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    if "$ref" in node:
        return open_schema(node["$ref"], definitions)
    schema: Schema = {"type": node["type"]}
    for key in ("items", "additionalProperties"):
        if key in node:
            schema[key] = _open(node[key], definitions)
    if schema["type"] == "object" and "additionalProperties" not in schema:
        schema |= OPEN
    if node.get("required"):
        schema["required"] = node["required"]
    if "properties" in node:
        schema["properties"] = {field: _open(child, definitions) for field, child in node["properties"].items()}
    return schema
