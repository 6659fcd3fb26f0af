"""How a scheduler is reached: at its Pod or through the API server, in the clear or with its user's certificates."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.dask.certificates import Certificates
from reconciler.dask.connection import Address
from reconciler.dask.errors import Barred, Unreachable
from reconciler.dask.secured import Channel
from reconciler.rules.questions import Question
from reconciler.wire.errors import ApiError, Forbidden

Forward = Callable[[str, str, int, float], Channel]
"""Opens a way to a port of a Pod through the API server: its namespace, its name, the port, for how many seconds that
may take. It raises `ApiError` or `OSError`."""


@dataclass(frozen=True)
class Reach:
    """Where schedulers are asked.

    Args:
        certificates: Of those that speak TLS; without, none can be asked.
        forward: The way through the API server; without, it is the Pod's address.
    """

    certificates: Certificates | None = None
    forward: Forward | None = None

    def address(self, question: Question) -> Address:
        """The scheduler's.

        Raises:
            DaskError: it cannot be asked.
        """
        tls = self._tls(question)
        try:
            return Address(question.host, question.port, tls, self._through(question))
        except ValueError as error:
            message = (
                f"The scheduler of {question.cluster} cannot be asked: {error}; see its Pod's address and its port."
            )
            raise Unreachable(message) from None

    def pages(self, question: Question) -> Address:
        """Its HTTP server's, in the clear.

        Raises:
            DaskError: it cannot be asked.
        """
        port = question.idle.port if question.idle is not None else question.port
        return self.address(replace(question, port=port, tls_secret=""))

    def failed(self, question: Question) -> None:
        """Take note that there was no connection: certificates may have been replaced."""
        if question.tls_secret and self.certificates is not None:
            self.certificates.forget(question.cluster.namespace, question.tls_secret)

    def _tls(self, question: Question) -> ssl.SSLContext | None:
        if not question.tls_secret:
            return None
        if self.certificates is None:
            raise Barred(f"The scheduler of {question.cluster} speaks TLS, and no Secrets can be read here.")
        return self.certificates.of(question.cluster.namespace, question.tls_secret)

    def _through(self, question: Question) -> Callable[[float], Channel] | None:
        forward = self.forward
        if forward is None:
            return None

        def opened(seconds: float) -> Channel:
            try:
                return forward(question.cluster.namespace, question.pod, question.port, seconds)
            except Forbidden as error:
                message = (
                    f"The port of Pod {question.cluster.namespace}/{question.pod} may not be forwarded: "
                    f"{error.message.rstrip('.')}; grant the rights to get and create pods/portforward, or run in the "
                    "cluster."
                )
                raise Barred(message) from None
            except ApiError as error:
                raise Unreachable(f"The scheduler of {question.cluster} cannot be reached: {error.message}") from None

        return opened
