"""A bug in one step of a run: it is told, and the run goes on."""

import pytest
from structlog.testing import capture_logs

from reconciler.local.errors import NetworkError
from reconciler.local.exception_barrier import ExceptionBarrier


def test_a_bug_is_logged_once_with_its_traceback() -> None:
    """However often the step fails in the same way; another bug is told too."""
    barrier = ExceptionBarrier("network")
    with capture_logs() as lines:
        for word in ("one", "one", "two", "one"):
            with barrier():
                raise KeyError(word)
    assert [(line["event"], line["step"], line["log_level"], line["exc_info"]) for line in lines] == [
        ("step.failed", "network", "error", True)
    ] * 2


@pytest.mark.parametrize("error", [NetworkError("all addresses are given"), KeyboardInterrupt(), BrokenPipeError()])
def test_what_ends_a_run_on_purpose_passes(error: BaseException) -> None:
    """An error that says what to do, an interrupt, and nobody who reads."""
    with capture_logs() as lines, pytest.raises(type(error)), ExceptionBarrier("network")():
        raise error
    assert lines == []
