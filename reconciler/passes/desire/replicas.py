"""How many replicas a resource hands down to its child, whose own number someone may have edited too."""

from models.base import Meta
from reconciler.rules.labels import REPLICAS_HANDED_DOWN


def replicas_to_hand_down(parents: int, child: Meta | None, childs: int) -> int:
    """How many replicas a child resource should ask for, given that its own number may have been edited too.

    The parent's number counts when it differs from what was last handed down; otherwise the child's stands, and it
    also stands where nothing was ever handed down.

    Args:
        parents: The parent's number.
        child: The child's metadata; `None` if it does not exist yet.
        childs: The child's number; not used without a child.
    """
    if child is None:
        return parents
    handed_down = child.annotations.get(REPLICAS_HANDED_DOWN)
    return childs if handed_down in (None, str(parents)) else parents
