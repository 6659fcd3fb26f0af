import pytest

from models.kinds import DASK_CLUSTER, POD
from reconciler.wire.errors import ApiError, Forbidden, NotFound, ServerError, Unreachable
from reconciler.wire.remedies import list_failed, remedy, watch_refused

MISSING = NotFound("no such resource", status=404)
FORBIDDEN = Forbidden("no right to list", status=403)
UNAUTHORIZED = Forbidden("Unauthorized", status=401)
UNREACHABLE = Unreachable("connection refused")
SLOW = ServerError("etcd is slow", status=503)


@pytest.mark.parametrize(
    ("error", "namespace", "words"),
    [
        (MISSING, None, "install the custom resource definitions with `kubectl apply -k deploy/base`;"),
        (MISSING, None, "if they were just installed, it knows them in a moment."),
        (
            FORBIDDEN,
            None,
            "Grant the right to list daskclusters in all namespaces with `kubectl apply -k deploy/base`,",
        ),
        (FORBIDDEN, None, "or name those to look after with --namespaces."),
        (FORBIDDEN, "ml", "Grant the right to list daskclusters in namespace ml"),
        (UNAUTHORIZED, None, "Kubernetes does not accept the credentials: renew them, or check --context"),
        (UNREACHABLE, None, "Check that the API server runs and that --context and --kubeconfig name the right one."),
    ],
)
def test_whoever_installs_reads_what_to_do_next(error: ApiError, namespace: str | None, words: str) -> None:
    """Of a failed list, the server's own words come first and the remedy after."""
    told = list_failed(DASK_CLUSTER, namespace, error)
    assert told.startswith(f"{error.message}. ")
    assert words in told


@pytest.mark.parametrize(("kind", "error"), [(DASK_CLUSTER, SLOW), (POD, MISSING)])
def test_where_only_time_helps_no_advice_is_given(kind: object, error: ApiError) -> None:
    """What passes by itself, or should not be, is told as it is."""
    assert remedy(kind, None, error) == ""  # type: ignore[arg-type]  # a table's column


def test_a_watch_that_is_refused_says_which_right_is_missing() -> None:
    """And how to do without it."""
    told = watch_refused(POD, "ml", Forbidden("pods is forbidden", status=403))
    assert told.startswith("pods is forbidden. Grant the right to watch pods in namespace ml ")
    assert "in all namespaces" in watch_refused(POD, None, FORBIDDEN)
    assert told.endswith("or start with --no-hints.")
