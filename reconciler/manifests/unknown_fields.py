"""Fields of a manifest that nobody reads: typing errors, mostly."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from models.base import Meta
from reconciler.wire.wording import did_you_mean, dotted

_OBJECT_META = """
name namespace generateName labels annotations finalizers ownerReferences uid resourceVersion generation
creationTimestamp deletionTimestamp deletionGracePeriodSeconds managedFields selfLink
"""
OBJECT_META = tuple(_OBJECT_META.split())
"""What Kubernetes knows of an object's metadata; `Meta` knows only what the reconciler reads."""


def unknown_fields(model: type[BaseModel], manifest: Mapping[str, Any]) -> Iterator[str]:
    """What to say of each field that Kubernetes would not know, outside Pod and Service specs.

    Args:
        model: The resource's model.
        manifest: The resource as written; its status is the reconciler's and is not looked at.
    """
    written = {name: value for name, value in manifest.items() if name != "status"}
    yield from _unknown(model, written, (), ("apiVersion", "kind"))


def _unknown(
    model: type[BaseModel], value: Any, path: tuple[str | int, ...], more: tuple[str, ...] = ()
) -> Iterator[str]:
    if not isinstance(value, Mapping):
        return
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    known = [*fields, *more]
    for name, inner in value.items():
        if name not in known:
            yield _told(name, known, path, _deeper(name, fields, path))
        elif name in fields:
            yield from _within(fields[name], inner, (*path, name))


def _unknown_to_kubernetes(metadata: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    for name in metadata if isinstance(metadata, Mapping) else ():
        if name not in OBJECT_META:
            yield _told(name, OBJECT_META, path)


def _told(name: str, known: Sequence[str], path: tuple[str | int, ...], remedy: str = "") -> str:
    remedy = remedy or f"{did_you_mean(name, known)}; remove it or correct it"
    return f"{dotted((*path, name))} is unknown{remedy}"


def _deeper(name: str, fields: Mapping[str, Any], path: tuple[str | int, ...]) -> str:
    """What to do with a field that is indented too little: the field beside it may know it."""
    places = [
        dotted((*path, field))
        for field, annotation in fields.items()
        if field not in ("metadata", "status") and name in _known_to(annotation)
    ]
    return f"; it belongs into {' or '.join(places)}: indent it more" if places else ""


def _known_to(annotation: Any) -> Sequence[str]:
    """The names of the fields of a field's own model, if it has one."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return ()
    return [info.alias or name for name, info in annotation.model_fields.items()]


def _within(annotation: Any, value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """The unknown fields of the models that a field's type holds: one, or a list of them."""
    if annotation is Meta:
        yield from _unknown_to_kubernetes(value, path)
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _unknown(annotation, value, path)
        return
    for argument in get_args(annotation):
        for number, item in enumerate(value if isinstance(value, list) else []):
            yield from _within(argument, item, (*path, number))
