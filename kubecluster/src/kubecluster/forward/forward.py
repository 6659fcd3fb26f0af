"""A local port that leads to a Pod, for as long as one wants."""

import socket
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Self

from kubecluster.api import Kubernetes
from kubecluster.errors import ForwardFailed
from kubecluster.forward.listener import Listener
from kubecluster.forward.opening import Opening

BACKLOG = 512
CLOSED_WITHIN_SECONDS = 10.0


class Forward:
    """A local port that leads to a port of a Pod.

    - The local port is open from the start and stays so until `close`, whatever happens behind it.
    - Each connection to it gets a WebSocket of its own to the Pod that `find_pod` names at that time; while there is
      none, or none that takes it, it is tried again for some seconds.
    - A WebSocket that breaks ends its connection, by a reset, and nothing else: the next one goes through again.
    - Whoever reads slowly slows down who writes; nothing is piled up in between.
    - Idle connections are kept alive, and dead ones are noticed within about a minute.
    - `close` leaves no socket and no thread, but for a `find_pod` that is being asked, and neither does the end of the
      process or of the last reference to the object.

    Kubernetes' protocol has no half-close: when the local side has sent its last, the Pod's bytes are passed on until
    there have been none for a second. Then the Pod sees the end.

    Args:
        kubernetes: where the Pod is. It must stay open for as long.
        namespace: of the Pod.
        find_pod: names the Pod for a connection. It is called in a thread, may take its time, and may raise if there is
            none at the moment.
        port: of the Pod, or the name of a port of one of its containers.
        local_port: any free one by default.
        local_address: where to listen; others' machines reach what is not a loopback address.

    Raises:
        ForwardFailed: the local port cannot be opened.
    """

    def __init__(  # noqa: PLR0913 -- each has a name at the call
        self,
        kubernetes: Kubernetes,
        namespace: str,
        find_pod: Callable[[], str],
        port: int | str,
        *,
        local_port: int = 0,
        local_address: str = "127.0.0.1",
    ) -> None:
        listening = _listening(local_address, local_port)
        self.local_address = local_address
        self.local_port: int = listening.getsockname()[1]
        try:
            self._listener = Listener(listening, Opening(kubernetes, namespace, find_pod, port))
        except OSError:  # no file is left for an event loop
            listening.close()
            raise
        thread = threading.Thread(
            target=self._listener.run, name=f"forward of port {self.local_port} to {namespace}", daemon=True
        )
        # Runs at `close`, with the last reference, and when the interpreter ends, whichever is first.
        self._end = weakref.finalize(self, _end, self._listener, thread)
        thread.start()

    @property
    def last_error(self) -> str | None:
        """Why the last connection that failed did so, until one succeeds; `None` if none has failed."""
        return self._listener.last_error

    def close(self) -> None:
        """Close the local port and all connections; again does nothing."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "open" if self._end.alive else "closed"
        return f"<Forward {self.local_address}:{self.local_port} to {self._listener.opening}, {state}>"


def _end(listener: Listener, thread: threading.Thread) -> None:
    listener.stop()
    if threading.current_thread() is not thread:  # the garbage collector may run anywhere
        thread.join(CLOSED_WITHIN_SECONDS)


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ForwardFailed(
            f"The local port {port} of {address} cannot be opened: {why}. Choose another, or 0 for any free one."
        ) from error
