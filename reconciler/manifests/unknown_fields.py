"""Fields that Kubernetes does not know where they stand: typing errors, and what is indented wrongly."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.kinds import Kind
from reconciler.manifests.places import Level, Path, places
from reconciler.manifests.shapes import Shape, shape_of
from reconciler.wire.wording import did_you_mean, dotted

HOLDERS = ("x-", ".")
"""How fields begin that only hold an anchor for the rest of a document."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A field that Kubernetes does not know there.

    Args:
        inside: The mapping that it stands in.
        name: The field's name.
        is_refused: Whether `kubectl apply` refuses it; within Pod and Service specs it is only left out.
        places: The mappings into which it belongs; empty if none is near.
        meant: Which field beside it may be meant, as ` (did you mean x?)`; empty if none is like it.
    """

    inside: Path
    name: str
    is_refused: bool
    places: Sequence[Path] = ()
    meant: str = ""


def unknown_fields(kind: Kind, manifest: Mapping[str, Any]) -> list[Unknown]:
    """The fields of a manifest that are unknown.

    Args:
        kind: The manifest's kind, a custom one.
        manifest: The manifest; its status is the reconciler's and is not looked at.
    """
    written = {name: value for name, value in manifest.items() if name != "status"}
    return list(_unknown(shape_of(kind), written, (), ()))


def refusals(found: Iterable[Unknown]) -> Iterator[str]:
    """What to say of each field for which `kubectl apply` refuses a manifest."""
    for each in found:
        if each.is_refused:
            remedy = _listed([dotted((*place, each.name)) for place in each.places], "or")
            words = f"; move it to {remedy}" if remedy else f"{each.meant}; remove it or correct it"
            yield f"{dotted((*each.inside, each.name))} is unknown{words}"


def omissions(found: Iterable[Unknown]) -> Iterator[str]:
    """What to say of the fields that Kubernetes leaves out of Pods and Services, once for all that stand together."""
    together: dict[tuple[Path, str, str], list[str]] = {}
    for each in found:
        if not each.is_refused:
            remedy = _listed(list(map(dotted, each.places)), "or")
            together.setdefault((each.inside, remedy, "" if remedy else each.meant), []).append(each.name)
    for (inside, remedy, meant), names in together.items():
        verb, what = ("is", "it") if len(names) == 1 else ("are", "them")
        words = f"; move {what} to {remedy}" if remedy else meant
        yield f"{_listed(names, 'and')} in {dotted(inside)} {verb} unknown to Kubernetes there and left out{words}"


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
        if name in shape.fields:
            yield from _unknown(shape.fields[name], inner, (*path, name), deeper)
        else:
            meant = did_you_mean(name, shape.fields)
            yield Unknown(path, name, not shape.is_open, places(name, inner, deeper), meant)


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
