"""What dask-kubernetes' own CRDs say, read from the installed package: what they accept, ours must accept."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from hypothesis import strategies as st

from models.kinds import Kind
from tests.manifests import manifest

Schema = dict[str, Any]
Value = st.SearchStrategy[Any]

# Fields where our rules are narrower on purpose: only what ours allow is tried.
NARROWER: dict[str, Value] = {
    "replicas": st.sampled_from([0, 1, 7, 2**31 - 1]),
    "idleTimeout": st.sampled_from([0, 300, 10**10]),
    "minimum": st.sampled_from([-1, 0, 3]),
    "maximum": st.sampled_from([3, 10**10]),
    "cluster": st.sampled_from(["c", "some-cluster"]),
}
STRINGS = st.sampled_from(["", "a", "8786", "http", "25%", "1Gi", "1e3", "Ünïcode ✓"])
INTEGERS = st.sampled_from([0, 1, -1, 65536, 2**31])
OPTIONAL_FIELDS_AT_ONCE = 4


@cache
def upstream_crd(kind: Kind) -> Schema:
    """dask-kubernetes' CustomResourceDefinition of a kind."""
    folder = files("dask_kubernetes") / "operator/deployment/helm/dask-kubernetes-operator/crds"
    body: Schema = yaml.load((folder / f"{kind.name.lower()}.yaml").read_text(), yaml.CSafeLoader)
    return body


def upstream_schema(kind: Kind) -> Schema:
    """The schema that dask-kubernetes has for a kind."""
    schema: Schema = upstream_crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def specs(kind: Kind) -> Value:
    """Specs of a kind that dask-kubernetes' schema allows, apart from what ours refuse on purpose."""
    return values(upstream_schema(kind)["properties"]["spec"])


def resources(kind: Kind) -> Value:
    """Whole resources of a kind that dask-kubernetes' schema allows."""
    names = st.from_regex("[a-z]([-a-z0-9]{0,51}[a-z0-9])?", fullmatch=True)
    return st.builds(lambda name, spec: manifest(kind, name, spec), names, specs(kind))


def values(schema: Schema) -> Value:
    """Values that a structural schema allows."""
    match schema:
        case {"type": "object", "additionalProperties": inner}:
            return st.dictionaries(st.sampled_from(["a", "nvidia.com/gpu", "x/y"]), values(inner), max_size=2)
        case {"type": "object"}:
            return objects(schema)
        case {"type": "array", "items": inner}:
            return st.lists(values(inner), max_size=2)
        case {"format": "date-time"}:
            return st.just("2026-01-02T03:04:05Z")
    return {"string": STRINGS, "integer": INTEGERS, "boolean": st.booleans()}[schema["type"]]


@st.composite
def objects(draw: st.DrawFn, schema: Schema) -> Schema:
    """Objects with all required fields and a few of the others, some of these null."""
    fields: Schema = schema.get("properties", {})
    required = {*schema.get("required", ()), *({"spec"} & fields.keys())}
    optional = sorted(fields.keys() - required)
    chosen = (
        draw(st.lists(st.sampled_from(optional), max_size=OPTIONAL_FIELDS_AT_ONCE, unique=True)) if optional else []
    )
    some = {name: draw(field(name, fields[name]) | st.none()) for name in chosen}
    return some | {name: draw(field(name, fields[name])) for name in sorted(required)}


def field(name: str, schema: Schema) -> Value:
    return NARROWER[name] if name in NARROWER and schema["type"] != "object" else values(schema)


def complete(schema: Schema) -> Any:
    """One value that has every field that a structural schema knows."""
    match schema:
        case {"type": "object", "additionalProperties": inner}:
            return {"a": complete(inner)}
        case {"type": "object"}:
            return {name: complete(inner) for name, inner in schema.get("properties", {}).items()}
        case {"type": "array", "items": inner}:
            return [complete(inner)]
        case {"format": "date-time"}:
            return "2026-01-02T03:04:05Z"
    return {"string": "a", "integer": 1, "boolean": True}[schema["type"]]
