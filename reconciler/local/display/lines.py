"""Lines, one below the other, in a file, a pipe, or a terminal that can do no more."""

from reconciler.local.display.backlog import Backlog, Rank
from reconciler.local.display.writer import Outlet


class Lines:
    """Lines for a stream.

    Attributes:
        backlog: What nobody has read yet.
        outlet: Where they are written.

    Args:
        outlet: Where they are written.
    """

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.backlog = Backlog()

    @property
    def is_behind(self) -> bool:
        """Whether anything is still to be written."""
        return bool(self.backlog) or not self.outlet.is_free

    def put(self, line: str, rank: Rank) -> None:
        """Write a line, as soon as it can be."""
        self.backlog.add(line, rank)
        self.catch_up()

    def catch_up(self) -> None:
        """Write what waits, if that is possible now."""
        if self.outlet.is_free and self.backlog:
            self.outlet.write(self.backlog.take().text)

    def close(self) -> None:
        """Nothing comes after the lines."""
