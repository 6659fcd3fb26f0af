"""The Kubernetes API, synchronous: one call, one answer or one error."""

import time
from collections.abc import Iterator

from kubecluster.api import requests
from kubecluster.api.connection import Connection, Stream
from kubecluster.api.logs import FollowedLog
from kubecluster.api.no_answer import Interrupted
from kubecluster.api.paths import path, target
from kubecluster.api.refusals import BUSY, Answer, parsed, plain, refusal
from kubecluster.api.requests import Body, Request
from kubecluster.api.surroundings import find
from kubecluster.errors import KubeClusterError, NamespaceNotFound, RequestFailed

PAUSES = (0.2, 0.5, 1.0, 2.0)
"""How long to wait before each further try of a request that only asks."""
NOT_FOUND = 404


class Kubernetes:
    """A few requests to one API server.

    - Threads may share it.
    - A call ends within its timeout, if not with an answer, then with one of `kubecluster.errors`.
    - What only asks is tried a few times while the server is busy or its connections break; what changes something is
      sent once.
    - Credentials that expire or are replaced are renewed on the way.

    Args:
        connection: the way to the server.
        timeout_seconds: how long a call may take. Only the lookup of a name, and a log-in that asks somebody for
            something, can take longer.

    Attributes:
        namespace: that of the context or of the service account, else `default`.
        is_inside: whether we are in a Pod of that cluster.
        own_namespace: that Pod's namespace; empty if there is none, or it is not known.
    """

    def __init__(self, connection: Connection, timeout_seconds: float = 30.0) -> None:
        self._connection = connection
        self._timeout_seconds = timeout_seconds
        self.namespace = connection.found.namespace
        self.is_inside = connection.found.is_inside
        self.own_namespace = connection.found.own_namespace

    def __str__(self) -> str:
        return str(self._connection.found)

    def within(self, timeout_seconds: float) -> "Kubernetes":
        """The same, with the same connections, but whose calls may take only so long."""
        return Kubernetes(self._connection, timeout_seconds)

    def get(self, path: str) -> Body:
        """An object.

        Raises:
            KubeClusterError: there is none, or it cannot be had.
        """
        return self._object(requests.reading(_of_one(path)))

    def list(self, path: str, *, labels: str = "", fields: str = "") -> list[Body]:
        """The objects of a collection.

        Args:
            path: of the collection.
            labels: a selector by labels.
            fields: a selector by fields.

        Raises:
            KubeClusterError: they cannot be had.
        """
        asked = requests.listing(path, labels, fields)
        items = self._object(asked).get("items")
        if not isinstance(items, list):
            raise RequestFailed(f"{asked}: {self} answers with no list: {path} is no collection.")
        return items

    def create(self, path: str, body: Body) -> Body:
        """Create an object in a collection; what it has become.

        Raises:
            KubeClusterError: it was not created; after `Unreachable` it may have been.
        """
        return self._object(requests.creation(path, body))

    def patch(self, path: str, body: Body) -> Body:
        """Change an object by a JSON merge patch; what it has become.

        Raises:
            KubeClusterError: it was not changed; after `Unreachable` it may have been.
        """
        return self._object(requests.change(_of_one(path), body))

    def delete(self, path: str, *, uid: str = "") -> None:
        """Ask for an object to be deleted, and what it owns after it; one that is not there is fine.

        Args:
            path: of the object.
            uid: the uid that it must have, since another may have its name by now; any by default.

        Raises:
            Conflict: it has another uid.
            KubeClusterError: it was not deleted; after `Unreachable` it may have been.
        """
        asked = requests.deletion(_of_one(path), uid)
        answer = self._answer(asked)
        if answer.status != NOT_FOUND:
            self._succeeded(answer, asked)

    def log(
        self, namespace: str, pod: str, *, container: str = "", tail_lines: int | None = None, previous: bool = False
    ) -> str:
        """What a container has written so far.

        Args:
            namespace: where the Pod is.
            pod: its name.
            container: which container; the only one by default.
            tail_lines: how many of the last lines; all by default.
            previous: whether it is about the container before its last restart.

        Raises:
            KubeClusterError: there is none, or it cannot be had.
        """
        asked = requests.reading(
            path("pods", namespace, pod, group="", subresource="log"),
            container=container,
            tailLines="" if tail_lines is None else str(tail_lines),
            previous="true" if previous else "",
        )
        answer = self._answer(asked)
        return self._succeeded(answer, asked).body.decode(errors="replace")

    def follow_log(self, namespace: str, pod: str, *, container: str = "") -> Iterator[str]:
        """The lines that a container writes, from its first on and as they come, until it ends.

        A stream that breaks is opened again where it broke, without losing or repeating lines as far as Kubernetes
        still has them.

        Args:
            namespace: where the Pod is.
            pod: its name.
            container: which container; the first by default.

        Raises:
            KubeClusterError: it cannot be had; while the log is followed, only after it could not for the timeout.
        """
        return FollowedLog(
            self._connection,
            self.get,
            namespace=namespace,
            pod=pod,
            container=container,
            patience_seconds=self._timeout_seconds,
        ).lines()

    def refuse_absent(self, namespace: str) -> None:
        """Complain of a namespace that does not exist, which its lists do not tell: they are empty.

        Who may not see it, or cannot at the moment, hears nothing.

        Raises:
            NamespaceNotFound: there is none of that name.
        """
        try:
            self.get(path("namespaces", None, namespace, group=""))
        except NamespaceNotFound:
            raise
        except KubeClusterError:
            return

    def stream(self, path: str, **query: str) -> Stream:
        """What it takes to open a WebSocket to a path, with fresh credentials.

        Raises:
            KubeClusterError: the credentials cannot be renewed.
        """
        return self._connection.stream(requests.reading(path, **query).url)

    def refused(self, stream: Stream, path: str, status: int, body: bytes) -> tuple[KubeClusterError, bool]:
        """What it means that a WebSocket was not opened.

        Args:
            stream: with what it was asked for.
            path: where.
            status: the HTTP status of the answer.
            body: its body.

        Returns:
            The error, and whether credentials were the trouble and there are others now.
        """
        error = refusal(Answer(status, body), requests.reading(path), str(self))
        return error, status == 401 and self._connection.forget(stream)  # noqa: PLR2004 -- 401 Unauthorized

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._connection.close()

    def _object(self, asked: Request) -> Body:
        answer = self._succeeded(self._answer(asked), asked)
        found = parsed(answer.body)
        if found is None or "kind" not in found:
            said = plain(answer.body) or "nothing"
            raise RequestFailed(
                f"{asked}: {self} answers with no object of Kubernetes, but: {said}. See whether its address is right, "
                "and whether a proxy or a log-in page stands before it."
            )
        return found

    def _succeeded(self, answer: Answer, asked: Request) -> Answer:
        if not answer.succeeded:
            raise refusal(answer, asked, str(self))
        return answer

    def _answer(self, asked: Request) -> Answer:
        """The answer to a request, whatever it is; what only asks is tried again while that may help."""
        deadline = time.monotonic() + self._timeout_seconds
        for pause in PAUSES if asked.only_asks else ():
            seconds = pause
            try:
                answer = self._connection.answer(asked, deadline)
            except Interrupted:
                if time.monotonic() + seconds > deadline:
                    raise
            else:
                seconds = max(pause, answer.retry_after_seconds or 0.0)
                if answer.status not in BUSY or time.monotonic() + seconds > deadline:
                    return answer
            time.sleep(seconds)
        return self._connection.answer(asked, deadline)


def _of_one(path: str) -> str:
    """A path that leads to an object: without a name, one leads to all of its kind.

    Raises:
        ValueError: it has no name.
    """
    if not target(path).name:
        raise ValueError(f"The path {path} leads to no object: its name is missing.")
    return path


def connect(*, context: str | None = None, kubeconfig: str | None = None, timeout_seconds: float = 30.0) -> Kubernetes:
    """The Kubernetes that the surroundings name, by the first of these that is there.

    1. `kubeconfig`, if it is given
    2. the files of `$KUBECONFIG`
    3. the service account of the Pod we run in, unless a context is asked for
    4. `~/.kube/config`

    Nothing is sent yet, unless a credential must be had first.

    Args:
        context: the context of the kubeconfig files to use rather than their current one.
        kubeconfig: a kubeconfig file, or several, separated as in `$KUBECONFIG`.
        timeout_seconds: how long a request may take.

    Raises:
        NoKubernetes: none is there, or the one that is there cannot be used.
        WrongContext: there is no such context.
    """
    return Kubernetes(Connection(find(context, kubeconfig)), timeout_seconds)
