"""Which fields may stand where in a custom resource: ours from its model, Kubernetes' own from its schemas."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from models.kinds import Kind
from reconciler.wire.parse import RESOURCES

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_TEXT, _MAP = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
_LIST, _NUMBER = {"type": "array"}, {"type": "integer"}
_OBJECT_META: Schema = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "namespace": _TEXT,
        "generateName": _TEXT,
        "labels": _MAP,
        "annotations": _MAP,
        "finalizers": _LIST,
        "ownerReferences": _LIST,
        "uid": _TEXT,
        "resourceVersion": _TEXT,
        "generation": _NUMBER,
        "creationTimestamp": _TEXT,
        "deletionTimestamp": _TEXT,
        "deletionGracePeriodSeconds": _NUMBER,
        "managedFields": _LIST,
        "selfLink": _TEXT,
    },
}
"""All that Kubernetes knows of an object's metadata; our model has only what the reconciler reads."""


@dataclass(frozen=True)
class Shape:
    """What may stand at one place.

    Args:
        schema: Its JSON schema, which is no reference.
        models: The schemas that it may refer to.
        is_open: Whether a newer Kubernetes may know more fields: within Pod and Service specs.
    """

    schema: Schema
    models: Mapping[str, Schema]
    is_open: bool = False

    @cached_property
    def fields(self) -> Mapping[str, "Shape"]:
        """The fields by name; none of what may have any."""
        return {name: self._inner(schema) for name, schema in self.schema.get("properties", {}).items()}

    @cached_property
    def item(self) -> "Shape | None":
        """What each item is, if this is a list."""
        return self._inner(self.schema["items"]) if "items" in self.schema else None

    def fits(self, value: Any) -> bool:
        """Whether a value could be meant to stand here: its type is right, and so are the fields in it."""
        kind = self.schema.get("type")
        if value is None or kind is None:
            return True
        if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
            return False
        if isinstance(value, Mapping) and self.fields:
            return all(name in self.fields and self.fields[name].fits(inner) for name, inner in value.items())
        if isinstance(value, list) and self.item is not None:
            return all(map(self.item.fits, value))
        return value in self.schema.get("enum", [value])

    def _inner(self, schema: Schema) -> "Shape":
        return _shape(schema, self.models, is_open=self.is_open)


@cache
def shape_of(kind: Kind) -> Shape:
    """What a custom resource of that kind may hold.

    Args:
        kind: One of the custom kinds.
    """
    document = RESOURCES[kind].model_json_schema(by_alias=True)
    properties = {"apiVersion": _TEXT, "kind": _TEXT, **document["properties"], "metadata": _OBJECT_META}
    return Shape({"type": "object", "properties": properties}, document["$defs"])


def _shape(schema: Schema, models: Mapping[str, Schema], *, is_open: bool) -> Shape:
    """A schema's shape, whatever it refers to."""
    if "x-definition" in schema:
        return _shape(_kubernetes()[schema["x-definition"]], models, is_open=True)
    if "$ref" in schema:
        # Quantities and the like have no schema: they may be anything.
        found = _kubernetes().get(schema["$ref"], {}) if is_open else models[schema["$ref"].rpartition("/")[2]]
        return _shape(found, models, is_open=is_open)
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return _shape(options[0], models, is_open=is_open) if len(options) == 1 else Shape(schema, models, is_open)


@cache
def _kubernetes() -> Mapping[str, Schema]:
    """Kubernetes' definitions of PodSpec, ServiceSpec and what is in them."""
    definitions: Mapping[str, Schema] = json.loads((files("models") / "kubernetes.json").read_text("utf-8"))
    return definitions
