"""Images of containers, which are not pulled on this machine: a container keeps the first that it had."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.memory.document import copied
from reconciler.wire.protocol import Body

CONTAINERS = ("containers", "initContainers")

Images: TypeAlias = Mapping[str, str]
"""By where the container stands in an object, such as `spec.worker.spec.containers[worker]`."""


def images_of(body: Body) -> Images:
    """The images of all containers in an object that have a name."""
    return {
        place: container["image"] for place, container in _containers(body) if isinstance(container.get("image"), str)
    }


def with_images(body: Body, images: Images) -> Body:
    """A copy of an object in which containers have these images; those that are not named keep their own.

    An image that is no text stays what it is, to be refused.
    """
    copy: Body = copied(body)
    for place, container in _containers(copy):
        if place in images and isinstance(container.get("image", ""), str):
            container["image"] = images[place]
    return copy


def _containers(value: Body, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for field, inner in value.items():
        place = f"{path}.{field}".removeprefix(".")
        if isinstance(inner, dict):
            yield from _containers(inner, place)
        elif isinstance(inner, list) and field in CONTAINERS:
            for container in inner:
                if isinstance(container, dict) and isinstance(container.get("name"), str):
                    yield f"{place}[{container['name']}]", container
