"""Structural schemas, as CustomResourceDefinitions have them, made from our models.

Pydantic's JSON schema has the types, bounds and descriptions. What a structural schema may not have (references,
titles, unions) is resolved here, and what Pydantic cannot know (Kubernetes' own types) is put in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crdgen.openapi import OPEN, Schema, open_schema
from models.base import Model
from models.rules import RULES

# What a structural schema and Pydantic's share, in the order in which a reader wants it.
_KEPT = (
    "description",
    "type",
    "x-kubernetes-int-or-string",
    "enum",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "maxItems",
    "minimum",
    "maximum",
    RULES,
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "required",
)
_NULL = {"type": "null"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What a schema may refer to, and whether its fields' defaults are worth telling."""

    models: Mapping[str, Schema]
    kubernetes: Mapping[str, Schema]
    tells_defaults: bool = True


def structural_schema(model: type[Model], kubernetes: Mapping[str, Schema]) -> Schema:
    """The structural schema of one of our models.

    Args:
        model: The model.
        kubernetes: Kubernetes' definitions, for the fields that are marked as being one of them.
    """
    document = model.model_json_schema(by_alias=True)
    return _structural(document, _Known(document.get("$defs", {}), kubernetes))


def _structural(node: Schema, known: _Known) -> Schema:
    node = _resolved(node, known.models)
    if "description" in node:
        node["description"] = _told(node, known)
    schema = {key: node[key] for key in _KEPT if key in node}
    if "x-definition" in node:
        return {**schema, **open_schema(node["x-definition"], known.kubernetes)}
    if node.get("x-stored"):
        schema["default"] = node["default"]
    if "items" in node:
        schema["items"] = _structural(node["items"], known)
    if "properties" in node:
        schema["properties"] = {name: _field(name, field, known) for name, field in node["properties"].items()}
    values = node.get("additionalProperties")
    return schema | (OPEN if values is True else {"additionalProperties": values} if values else {})


def _field(name: str, node: Schema, known: _Known) -> Schema:
    """A property; in a status nobody is helped by knowing what an absent field means to our reader."""
    return _structural(node, replace(known, tells_defaults=False) if name == "status" else known)


def _resolved(node: Schema, models: Mapping[str, Schema]) -> Schema:
    """A copy of a node without its reference, and without the null that is as good as absent."""
    rest = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
    if "$ref" in node:
        return _resolved({**models[node["$ref"].rpartition("/")[2]], **rest}, models)
    match [option for option in node.get("anyOf", ()) if option != _NULL]:
        case []:
            return rest
        case [only]:
            return _resolved({**only, **rest}, models)
        case [{"type": "integer"} as number, {"type": "string"} as text]:
            both = {key: value for key, value in {**number, **text, **rest}.items() if key != "type"}
            return {**both, "x-kubernetes-int-or-string": True}
        case options:
            raise ValueError(f"{node.get('title')}: a structural schema has no union of {options}")


def _told(node: Schema, known: _Known) -> str:
    """A field's description on one line, with the default that is applied when the field is absent."""
    default: Any = node.get("default")
    words = " ".join(node["description"].split())
    return f"{words} Defaults to {default}." if known.tells_defaults and isinstance(default, int | str) else words
