"""What an error of the API says."""

import pytest

from reconciler.wire.errors import ServerError


@pytest.mark.parametrize(
    ("asked", "counts"),
    [(None, None), (0.0, 0.0), (30.0, 30.0), (86400.0, 300.0), (1e300, 300.0), (float("inf"), 300.0)],
)
def test_however_long_a_server_asks_to_be_left_alone_it_is_asked_again(
    asked: float | None, counts: float | None
) -> None:
    """A proxy's page says a day or a thousand digits, and then neither lists nor watches would come back."""
    assert ServerError("maintenance", status=503, retry_after_seconds=asked).retry_after_seconds == counts
