"""What may happen between any two requests of a pass: the reconciler is killed, or someone else acts."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from models.kinds import Key, Kind
from reconciler.wire.protocol import API, Body, Reply, Subresource

Answer = TypeVar("Answer")


class Killed(BaseException):
    """The process is gone, as after SIGKILL: nothing catches this."""


class Interrupted:
    """The API protocol, with something that happens at certain requests.

    Args:
        api: Carries the requests out.
        at: How many requests lie between one interruption and the next; afterwards there are none.
        interruption: What happens; a `Killed` that it raises ends every further request too, until `revive`.
        afterwards: Whether it happens when the request has been carried out, rather than before.
    """

    def __init__(
        self, api: API, at: Iterable[int], interruption: Callable[[], None], *, afterwards: bool = False
    ) -> None:
        self._api = api
        self._gaps = iter(at)
        self._left = next(self._gaps, None)
        self._interruption = interruption
        self._afterwards = afterwards
        self._is_dead = False

    def revive(self) -> None:
        """A new process starts."""
        self._is_dead = False

    def list(self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = "") -> bytes:
        return self._carry_out(lambda: self._api.list(kind, namespace, labels=labels, fields=fields))

    def create(self, kind: Kind, body: Body) -> Reply:
        return self._carry_out(lambda: self._api.create(kind, body))

    def patch(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        return self._carry_out(lambda: self._api.patch(key, body, subresource))

    def apply(self, key: Key, body: Body, subresource: Subresource | None = None) -> Reply:
        return self._carry_out(lambda: self._api.apply(key, body, subresource))

    def delete(self, key: Key, uid: str, resource_version: str = "") -> Reply:
        return self._carry_out(lambda: self._api.delete(key, uid, resource_version))

    def _carry_out(self, request: Callable[[], Answer]) -> Answer:
        if self._is_dead:
            raise Killed
        is_time = self._is_time()
        if is_time and not self._afterwards:
            self._interrupt()
        answer = request()
        if is_time and self._afterwards:
            self._interrupt()
        return answer

    def _is_time(self) -> bool:
        if self._left is None:
            return False
        if self._left > 0:
            self._left -= 1
            return False
        self._left = next(self._gaps, None)
        return True

    def _interrupt(self) -> None:
        try:
            self._interruption()
        except Killed:
            self._is_dead = True
            raise


def kill() -> None:
    """Kill the process that is making the request."""
    raise Killed
