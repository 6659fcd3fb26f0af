"""Answers other than a success, and which of the errors each one means."""

import json
import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from kubecluster.api.paths import Target
from kubecluster.api.requests import Request
from kubecluster.errors import (
    AlreadyExists,
    ClusterNotFound,
    Conflict,
    Invalid,
    KubeClusterError,
    NamespaceNotFound,
    NotAllowed,
    NotInstalled,
    QuotaExceeded,
    RequestFailed,
    Unreachable,
)

SHOWN = 300  # characters of an answer that is not the API server's own
BUSY = {429, 500, 502, 503, 504}
"""Statuses that may be others when one asks again."""
NOBODY = {502, 503, 504}
"""Those of a load balancer that has no API server to hand the request to."""
WRONG = {400, 413, 415, 422}
USER = re.compile(r'User "([^"]*)" cannot ')
UPGRADES = {"pods/portforward", "pods/exec", "pods/attach"}
"""A WebSocket begins with a GET; newer API servers want the right to `create` besides that to `get`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer that arrived whole.

    Args:
        status: the HTTP status.
        body: its body, decompressed.
        retry_after_seconds: how long the server asks to be left alone.
    """

    status: int
    body: bytes
    retry_after_seconds: float | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the server did what was asked."""
        return self.status // 100 == 2  # noqa: PLR2004 -- 2xx


@dataclass(frozen=True, slots=True)
class Said:
    """What the API server says about a refusal, in its Status object or otherwise.

    Args:
        reason: a word, such as `AlreadyExists`.
        message: for people.
        details: what it is about.
    """

    reason: str
    message: str
    details: dict[str, Any]

    @property
    def causes(self) -> str:
        """What is wrong with which fields, if it says."""
        causes = [
            cause
            for cause in self.details.get("causes") or ()
            if isinstance(cause, dict) and cause.get("field", "<nil>") != "<nil>"
        ]
        return "; ".join(f"{str(cause['field']).lstrip('.')}: {cause.get('message')}" for cause in causes)


def refusal(answer: Answer, request: Request, server: str) -> KubeClusterError:
    """The error that an answer other than a success stands for.

    Args:
        answer: what came.
        request: what was asked.
        server: whom, for people.
    """
    said = _said(answer)
    error: KubeClusterError
    match answer.status:
        case 401:
            error = _unknown_user(said, server)
        case 403:
            error = _forbidden(said, request)
        case 404:
            error = _missing(said, request.target, server)
        case 409 | 412:
            error = _conflict(said, request.target)
        case status if status in WRONG and not request.only_asks:
            error = _invalid(said, request.target)
        case status if status in NOBODY:
            error = Unreachable(
                f"{request}: {server} answers {status}: {said.message}. Nobody serves it now; try again."
            )
        case status:
            error = RequestFailed(f"{request}: {server} answers {status}: {said.message}")
    return error


def parsed(body: bytes) -> dict[str, Any] | None:
    """A JSON object, if it is one."""
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def plain(body: bytes) -> str:
    """The text of an answer that is no object of Kubernetes, but often a proxy's page."""
    text = re.sub(r"<[^>]*>|\s+", " ", body[: 10 * SHOWN].decode(errors="replace"))
    return " ".join(text.split())[:SHOWN]


def _said(answer: Answer) -> Said:
    status = parsed(answer.body) or {}
    if status.get("kind") == "Status":
        details = status.get("details")
        message = str(status.get("message") or status.get("reason") or "nothing more")
        return Said(str(status.get("reason") or ""), message, details if isinstance(details, dict) else {})
    phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "nothing more"
    return Said("", plain(answer.body) or phrase, {})


def _unknown_user(said: Said, server: str) -> NotAllowed:
    return NotAllowed(
        f"{server} does not know who we are: {said.message} (401). The credentials have expired or are wrong: log in "
        "again, and see whether `kubectl auth whoami` with the same context works."
    )


def _forbidden(said: Said, request: Request) -> KubeClusterError:
    about = request.target
    if "exceeded quota" in said.message:
        return QuotaExceeded(
            f"The quota of namespace {about.namespace!r} is used up: {said.message}. Ask for less, delete what is no "
            "longer needed, or have the quota raised."
        )
    user = USER.search(said.message)
    if user is None and said.reason:
        # Who asks may do so, but an admission plug-in, a policy or a namespace that ends says no.
        return RequestFailed(f"Kubernetes refuses to {request}: {said.message}. Somebody's policy has to allow it.")
    verbs = ["get", "create"] if about.resource in UPGRADES else [str(request.verb)]
    rule = json.dumps({"apiGroups": [about.group], "resources": [about.resource], "verbs": verbs})
    role = f"a Role in namespace {about.namespace!r}" if about.namespace else "a ClusterRole"
    return NotAllowed(
        f"{f'User {user[1]!r}' if user else 'This user'} may not {request.verb} {about.resource} "
        f"{f'in namespace {about.namespace!r}' if about.namespace else 'in all namespaces'}. "
        f"It takes {role} with the rule {rule}, bound to that user. Kubernetes says: {said.message}"
    )


def _missing(said: Said, about: Target, server: str) -> KubeClusterError:
    if said.details.get("kind") == "namespaces":
        name = about.namespace or about.name
        return NamespaceNotFound(
            f"There is no namespace {name!r}: create it (`kubectl create namespace {name}`), or choose another."
        )
    if about.is_dask and not said.details.get("name"):
        return NotInstalled(
            f"{server} does not know {about.plural}.{about.group}: have the custom resource definitions installed, "
            f"with dask-reconciler or with Dask's operator. Kubernetes says: {said.message}"
        )
    if about.is_dask:
        where = f" --namespace={about.namespace}" if about.namespace else ""
        return ClusterNotFound(f"There is no {about}; `kubectl get {about.plural}{where}` lists those that there are.")
    return RequestFailed(f"There is no {replace(about, subresource='')}: {said.message}")


def _conflict(said: Said, about: Target) -> KubeClusterError:
    if said.reason != "AlreadyExists":
        return Conflict(f"{about} was changed by somebody else at the same time: read it and try again. {said.message}")
    if "being deleted" in said.message:
        return AlreadyExists(f"{about} is still being deleted: wait until it is gone, or choose another name.")
    return AlreadyExists(f"There is {about} already: use it, delete it, or choose another name.")


def _invalid(said: Said, about: Target) -> Invalid:
    return Invalid(f"{about} is not valid, so that nothing was written. Correct it: {said.causes or said.message}")
