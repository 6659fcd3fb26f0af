"""Arguments resolved where nothing else is known, in one line."""

from typing import Any

from kubecluster.options import Options, Surroundings, resolved

UUID = "0123456789"


def options(configured: dict[str, Any] | None = None, /, **given: Any) -> Options:
    """The arguments as they are resolved for a user called jane, beside what Dask's configuration says by key."""
    placeholders = {"HUB_USER": "Jane.Doe", "user": "jane", "uuid": UUID}
    return resolved(given, Surroundings(configured or {}, placeholders))
