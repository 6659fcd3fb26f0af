"""What the custom resource definitions say: which fields exist, their defaults, and which values are valid.

A value that a change leaves as it was is not looked at again, as in the API server (ratcheting).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from models.kinds import DASK_CLUSTER, POD, SERVICE, Kind, kind_of
from reconciler.memory.refusals import bad_request, invalid
from reconciler.wire.protocol import Body

UNTOUCHED = ("apiVersion", "kind", "metadata", "status")  # of Pods and Services
OPEN = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}

Rule = Callable[[Any, Any, re.Match[str]], bool]
# The rules of the definitions in crds/ (CEL), by their text; others are not checked.
RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (re.compile(r"self == oldSelf"), lambda value, old, _: old is None or value == old),
    (
        re.compile(r"has\(self\.(\w+)\) == has\(oldSelf\.\1\) && \(!has\(self\.\1\) \|\| self\.\1 == oldSelf\.\1\)"),
        lambda value, old, found: old is None or value.get(found[1]) == old.get(found[1]),
    ),
    (
        re.compile(r"!has\(self\.spec\.(\w+)\) \|\| self\.spec\.\1 == 0"),
        lambda value, _, found: not value["spec"].get(found[1]),
    ),
    (re.compile(r"self >= (\d+)"), lambda value, _, found: value >= int(found[1])),
    (
        re.compile(r"self\.(\w+) <= self\.(\w+)"),
        lambda value, _, found: not {found[1], found[2]} <= value.keys() or value[found[1]] <= value[found[2]],
    ),
    (
        re.compile(r"oldSelf\.hasValue\(\) \|\| self\.metadata\.name\.size\(\) <= (\d+)"),
        lambda value, old, found: old is not None or len(value["metadata"]["name"]) <= int(found[1]),
    ),
    (
        re.compile(r"oldSelf\.hasValue\(\) \|\| !self\.metadata\.name\.contains\('\.'\)"),
        lambda value, old, _: old is not None or "." not in value["metadata"]["name"],
    ),
    (
        re.compile(r"!has\(self\.(\w+)\) \|\| !string\(.*\) \|\| has\(self\.(\w+)\) && !string\(.*\)"),
        lambda value, _, found: not (_is_zero(value.get(found[1])) and _is_zero(value.get(found[2], 0))),
    ),
    (re.compile(r"!has\(self\.(\w+)\)"), lambda value, _, found: found[1] not in value),
    (
        re.compile(r"has\(self\.(\w+)\) != has\(self\.(\w+)\)"),
        lambda value, _, found: (found[1] in value) != (found[2] in value),
    ),
    (
        re.compile(r"!has\(self\.(\w+)\) \|\| !string\(self\.\1\)\.matches\('([^']*)'\)"),
        lambda value, _, found: found[1] not in value or re.search(found[2], str(value[found[1]])) is None,
    ),
)


class Schemas:
    """The schemas of the custom resources and, taken from the templates in them, of Pods and Services.

    Args:
        definitions: The custom resource definitions.
    """

    def __init__(self, definitions: Iterable[Body]) -> None:
        self._schemas: dict[Kind, Body] = {}
        for definition in definitions:
            spec = definition["spec"]
            for version in spec["versions"]:
                kind = kind_of(f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                if kind is not None:
                    self._schemas[kind] = version["schema"]["openAPIV3Schema"]
        if cluster := self._schemas.get(DASK_CLUSTER):
            scheduler = cluster["properties"]["spec"]["properties"]["scheduler"]["properties"]
            self._schemas[POD] = {"type": "object", "properties": {"spec": scheduler["spec"]}}
            self._schemas[SERVICE] = {"type": "object", "properties": {"spec": scheduler["service"]}}

    def admitted(self, kind: Kind, body: Body, old: Body | None) -> tuple[Body, tuple[str, ...]]:
        """The object as it would be stored, and warnings about the fields that are left out.

        Args:
            kind: Its kind; one without a schema is admitted as it is.
            body: The object.
            old: The object as it was, unless it is new.

        Raises:
            Invalid: a value is wrong.
        """
        schema = self._schemas.get(kind)
        if schema is None:
            return body, ()
        shaper = _Shaper(closed=not kind.group)
        if kind.group:
            shaped = shaper.shaped(body, schema, old)
            causes = list(_violations(shaped, schema, old, ""))
            if causes:
                raise invalid(kind, body["metadata"]["name"], causes, sorted(shaper.warnings))
        else:
            checked = {key: value for key, value in body.items() if key not in UNTOUCHED}
            shaped = body | shaper.shaped(checked, schema, old)
            if causes := list(_mistyped(checked.get("spec", {}), schema["properties"]["spec"], "spec")):
                raise bad_request(f'{kind.name} in version "v1" cannot be handled as a {kind.name}: {causes[0]}')
        return shaped, tuple(sorted(shaper.warnings))

    def mistakes(self, kind: Kind, config: Body) -> list[str]:
        """What of a configuration to apply does not fit the schema; unlike other writes, an apply refuses that."""
        schema = self._schemas.get(kind)
        if schema is None:
            return []
        content = {key: value for key, value in config.items() if kind.group or key not in UNTOUCHED}
        shaper = _Shaper(closed=not kind.group)
        shaper.shaped(content, schema, None)
        return shaper.warnings or list(_mistyped(content, schema, ""))


def read(folder: Path) -> Schemas:
    """The schemas of the definitions in a folder of YAML files."""
    return Schemas(definitions(folder))


def definitions(folder: Path) -> list[Body]:
    """The custom resource definitions in a folder of YAML files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    texts = (path.read_text() for path in sorted(folder.glob("*.yaml")))
    documents = [document for text in texts for document in yaml.load_all(text, Loader=loader)]
    return [document for document in documents if document["kind"] == "CustomResourceDefinition"]


class _Shaper:
    """Brings values into the form that they would be stored in.

    Args:
        closed: Whether fields are unknown that the schema would let pass.
    """

    def __init__(self, *, closed: bool) -> None:
        self._closed = closed
        self.warnings: list[str] = []

    def shaped(self, value: Any, schema: Body, old: Any, path: str = "") -> Any:
        """The value with defaults, without unknown fields and without nulls where none may be."""
        if value is old:
            return value
        if isinstance(value, list) and "items" in schema:
            return [self.shaped(item, schema["items"], None, f"{path}[{n}]") for n, item in enumerate(value)]
        if not isinstance(value, dict) or schema.get("type") != "object":
            return value
        before = old if isinstance(old, dict) else {}
        result = {}
        for name, item in value.items():
            child = _child(schema, name)
            if not path and name in UNTOUCHED[:3]:
                result[name] = item
            elif child is None:
                result |= self._unknown(schema, _below(path, name), name, item)
            elif item is not None or child.get("nullable"):
                result[name] = self.shaped(item, child, before.get(name), _below(path, name))
        return _defaults(schema) | result

    def _unknown(self, schema: Body, path: str, name: str, item: Any) -> Body:
        if OPEN in schema and not self._closed:
            return {name: item}
        self.warnings.append(f'unknown field "{path}"')
        return {}


def _violations(value: Any, schema: Body, old: Any, path: str) -> Iterator[str]:
    """What is wrong with a value and with what is in it."""
    if old is not None and value == old:
        return
    mistyped = list(_mistyped(value, schema, path, deep=False))
    if mistyped:
        yield from mistyped
        return
    yield from _out_of_bounds(value, schema, path)
    if isinstance(value, dict):
        yield from (f"{_below(path, name)}: Required value" for name in schema.get("required", []) if name not in value)
        before = old if isinstance(old, dict) else {}
        for name, item in value.items():
            if child := _child(schema, name):
                yield from _violations(item, child, before.get(name), _below(path, name))
    elif isinstance(value, list):
        yield from _duplicates(value, schema, path)
        for index, item in enumerate(value):
            yield from _violations(item, schema.get("items", {}), None, f"{path}[{index}]")
    yield from _broken_rules(value, schema, old, path)


def _mistyped(value: Any, schema: Body, path: str, *, deep: bool = True) -> Iterator[str]:
    wanted = (int, str) if INT_OR_STRING in schema else TYPES.get(schema.get("type", ""), (object,))
    if value is None and (schema.get("nullable") or wanted == (object,)):
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted and wanted != (object,)):
        name = "integer,string" if INT_OR_STRING in schema else schema["type"]
        yield f"{path}: Invalid value: {path} in body must be of type {name}: {value!r:.100}"
    elif deep and isinstance(value, dict):
        for name, item in value.items():
            if child := _child(schema, name):
                yield from _mistyped(item, child, _below(path, name))
    elif deep and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mistyped(item, schema.get("items", {}), f"{path}[{index}]")


def _out_of_bounds(value: Any, schema: Body, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{item}"' for item in schema["enum"])
        yield f'{path}: Unsupported value: "{value}": supported values: {supported}'
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f'{path}: Invalid value: "{value}": should be at least {schema["minLength"]} chars long'
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{path}: Too long: may not be more than {schema['maxLength']} bytes"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: Invalid value: \"{value}\": should match '{schema['pattern']}'"
    if isinstance(value, int | float):
        if value < schema.get("minimum", value):
            yield f"{path}: Invalid value: {value}: should be greater than or equal to {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{path}: Invalid value: {value}: should be less than or equal to {schema['maximum']}"


def _duplicates(values: list[Any], schema: Body, path: str) -> Iterator[str]:
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen = []
    for index, value in enumerate(values if keys else ()):
        item = {key: value.get(key) for key in keys} if isinstance(value, dict) else {}
        if item in seen:
            yield f"{path}[{index}]: Duplicate value: {item}"
        seen.append(item)


def _broken_rules(value: Any, schema: Body, old: Any, path: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        for pattern, holds in RULES:
            if (found := pattern.fullmatch(rule["rule"])) and not holds(value, old, found):
                where = f"{path}{rule.get('fieldPath', '')}".removeprefix(".")
                message = (
                    rule.get("message") or rule.get("messageExpression", rule["rule"]).strip('"').partition(";")[0]
                )
                yield f"{where}: Invalid value: {message}"


def _child(schema: Body, name: str) -> Body | None:
    """The schema of a field; `None` if it is unknown."""
    child: Body | None = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    return child


def _defaults(schema: Body) -> Body:
    known = schema.get("properties", {})
    return {name: child["default"] for name, child in known.items() if "default" in child}


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is_zero(value: Any) -> bool:
    return value is not None and re.fullmatch(r"0+%?", str(value)) is not None
