"""What to do when Kubernetes does not let the reconciler look: words for those who install it."""

from models.kinds import CUSTOM_KINDS, Kind
from reconciler.wire.errors import ApiError, Forbidden, NotFound, Unreachable

INSTALL = "kubectl apply -k deploy/base"


def list_failed(kind: Kind, namespace: str | None, error: ApiError) -> str:
    """Why a list failed, and what to do about it.

    Args:
        kind: What was to be listed.
        namespace: Where; `None` for everywhere.
        error: What came of it.
    """
    message = error.message if error.message.endswith("?") else f"{error.message.rstrip('.')}."
    return f"{message} {remedy(kind, namespace, error)}".rstrip()


def watch_refused(kind: Kind, namespace: str | None, error: ApiError) -> str:
    """Why changes cannot be watched, and what to do about it.

    Args:
        kind: What was to be watched.
        namespace: Where; `None` for everywhere.
        error: What came of it.
    """
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    return (
        f"{error.message.rstrip('.')}. Grant the right to watch {kind.plural} {where} as deploy/base/role.yaml does, "
        "or start with --no-hints."
    )


def remedy(kind: Kind, namespace: str | None, error: ApiError) -> str:
    """What to do about a list that failed; empty where waiting is all that can be done."""
    if isinstance(error, NotFound) and kind in CUSTOM_KINDS:
        return (
            f"Kubernetes does not know {kind}: install the custom resource definitions with `{INSTALL}`; "
            "if they were just installed, it knows them in a moment."
        )
    if isinstance(error, Forbidden) and error.status == 401:  # noqa: PLR2004 - Unauthorized
        return "Kubernetes does not accept the credentials: renew them, or check --context and --kubeconfig."
    if isinstance(error, Forbidden) and namespace:
        return f"Grant the right to list {kind.plural} in namespace {namespace}, as deploy/one-namespace does."
    if isinstance(error, Forbidden):
        return (
            f"Grant the right to list {kind.plural} in all namespaces with `{INSTALL}`, "
            "or name those to look after with --namespaces."
        )
    if isinstance(error, Unreachable):
        return "Check that the API server runs and that --context and --kubeconfig name the right one."
    return ""
