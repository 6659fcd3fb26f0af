"""What the server must know of the machine on which Pods run."""

from pathlib import Path
from typing import Protocol

from reconciler.wire.protocol import Body


class Node(Protocol):
    """Where Pods' logs and ports are. It is asked by the server's thread."""

    def log(self, pod: Body, container: str, number: int) -> Path:
        """The file that a container writes, or wrote in one of its lives; it need not be there.

        Args:
            pod: The Pod.
            container: The container's name.
            number: How often it had been started again.
        """
        ...

    def place(self, pod: Body, port: int) -> tuple[str, int]:
        """Where to connect to reach a Pod's port.

        Raises:
            OSError: nobody listens there, as far as that is known without trying.
        """
        ...
