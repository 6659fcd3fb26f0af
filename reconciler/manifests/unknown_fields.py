"""Fields that Kubernetes does not know where they stand: typing errors, and what is indented wrongly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.kinds import Kind
from reconciler.manifests.places import Level, Path, places
from reconciler.manifests.shapes import Shape, shape_of
from reconciler.wire.wording import did_you_mean, dotted

HOLDERS = ("x-", ".")
"""How fields begin that only hold an anchor for the rest of a document."""

_ALIKE = 0.8
"""How much a field in a Pod spec must look like a known one to be taken for a typing error of it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A field that Kubernetes does not know there.

    Args:
        path: The field.
        is_refused: Whether `kubectl apply` refuses it; within Pod and Service specs it is only left out.
        remedy: What to do about it; empty if that is not known.
    """

    path: str
    is_refused: bool
    remedy: str

    def __str__(self) -> str:
        words = "is unknown" if self.is_refused else "is unknown there and left out"
        return f"{self.path} {words}{self.remedy}"


def unknown_fields(kind: Kind, manifest: Mapping[str, Any]) -> Iterator[Unknown]:
    """The fields that are unknown, and what to do about each.

    Of those in Pod and Service specs, which a newer Kubernetes may know, only the ones with a remedy.

    Args:
        kind: The manifest's kind, a custom one.
        manifest: The manifest; its status is the reconciler's and is not looked at.
    """
    written = {name: value for name, value in manifest.items() if name != "status"}
    found = _unknown(shape_of(kind), written, (), ())
    return (each for each in found if each.is_refused or each.remedy)


def is_holder(name: str, value: Any) -> bool:
    """Whether a field at the top of a manifest only holds what an anchor in it stands for."""
    return name.startswith(HOLDERS) and isinstance(value, dict | list)


def _unknown(shape: Shape, value: Any, path: Path, trail: Sequence[Level]) -> Iterator[Unknown]:
    if isinstance(value, list) and shape.item is not None:
        for number, item in enumerate(value):
            yield from _unknown(shape.item, item, (*path, number), trail)
    if not isinstance(value, Mapping) or not shape.fields:
        return
    deeper = (*trail, Level(path, shape, value))
    for name, inner in value.items():
        where = (*path, name)
        if name in shape.fields:
            yield from _unknown(shape.fields[name], inner, where, deeper)
        else:
            yield Unknown(dotted(where), not shape.is_open, _remedy(name, inner, deeper))


def _remedy(name: str, value: Any, trail: Sequence[Level]) -> str:
    if found := places(name, value, trail):
        return f"; move it to {' or '.join(map(dotted, found))}"
    shape = trail[-1].shape
    meant = did_you_mean(name, shape.fields, alike=_ALIKE) if shape.is_open else did_you_mean(name, shape.fields)
    return (
        f"{meant}; correct it"
        if shape.is_open and meant
        else ""
        if shape.is_open
        else f"{meant}; remove it or correct it"
    )
