"""What is logged, to be looked at; and logging as it was before."""

import io
import json
from collections.abc import Iterator

import pytest

from reconciler.daemon.log import configure
from tests.unit.daemon.keeplogging import Lines, keep_logging


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    with keep_logging():
        yield


@pytest.fixture
def lines() -> Lines:
    """What has been logged at debug and above since the last time."""
    stream = io.StringIO()
    configure("json", "debug", stream)

    def taken() -> list[dict[str, object]]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    return taken
