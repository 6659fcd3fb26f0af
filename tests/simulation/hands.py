"""What all who act on a world have in common: how they find whom it concerns."""

from collections.abc import Callable, Sequence

from models.kinds import Kind
from reconciler.rules.labels import ROLE
from reconciler.wire.protocol import Body
from tests.simulation.world import World

Hand = Callable[[World, int, int], None]
"""Acts on a world: on whom, and how."""


def pick(bodies: Sequence[Body], whom: int) -> Body | None:
    """The one that a number counts to."""
    return bodies[whom % len(bodies)] if bodies else None


def resources(world: World, *kinds: Kind) -> list[Body]:
    """Everything of those kinds."""
    return [body for kind in kinds for body in world.api.objects(kind)]


def is_child(body: Body) -> bool:
    """Whether the reconciler made the object."""
    return ROLE in body["metadata"].get("annotations", {})
