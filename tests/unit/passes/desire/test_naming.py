"""Which naming set is recorded of a resource."""

from reconciler.passes.desire.naming import record_naming
from reconciler.rules.labels import NAMING
from reconciler.rules.names import Naming
from tests.builders import cluster


def test_a_naming_set_is_recorded_as_an_annotation() -> None:
    """So that a later change of the setting leaves the resource alone."""
    owner = cluster()
    record = record_naming(owner, Naming.CURRENT)
    assert record.resource is owner
    assert record.body == {"metadata": {"annotations": {NAMING: "current"}}}
