"""What is reported on resources that cannot be read."""

from collections.abc import Mapping
from typing import Any

import pytest

from models.kinds import DASK_AUTOSCALER, DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, POD, Key, Kind
from models.snapshot import Unreadable
from reconciler.passes.values import Body
from tests.builders import world
from tests.unit.passes.report.told import LATER, Told, told

ERROR = "spec.worker.replicas is -1; it must be 0 or more"


def broken(kind: Kind = DASK_CLUSTER, status: Body | None = None) -> Unreadable:
    return Unreadable(Key(kind, "default", "broken"), ERROR, uid="u", generation=4, status=status or {})


def on(item: Unreadable) -> Told:
    return told(world(item))


@pytest.mark.parametrize("kind", [DASK_CLUSTER, DASK_WORKER_GROUP, DASK_JOB, DASK_AUTOSCALER])
def test_its_owner_is_told_which_field_is_wrong(kind: Kind) -> None:
    """A resource that makes no sense is not passed over in silence."""
    item = broken(kind)
    after = on(item)
    (condition,) = after.statuses[item.key]["conditions"]
    assert condition == {
        "type": "Ready",
        "status": "False",
        "reason": "Invalid",
        "message": f"This resource cannot be read: {ERROR}.",
        "observedGeneration": 4,
        "lastTransitionTime": "2026-01-31T12:00:00Z",
    }
    assert after.statuses[item.key].get("phase") == ("Error" if kind == DASK_CLUSTER else None)
    assert after.events == {"Invalid": condition["message"]}


def test_it_is_told_once() -> None:
    """The next pass finds what it would write."""
    first = on(broken())
    assert on(broken(status=first.statuses[broken().key])).actions == ()


def test_all_else_that_its_status_says_stays() -> None:
    """A worker number must not be given again, and an outcome not be forgotten, for a typing error."""
    decisions = {"retiring": [{"name": "a", "uid": "u"}], "failures": {"count": 1}}
    known: Mapping[str, Any] = {"highestOrdinal": 7, "jobStatus": "Failed", "decisions": decisions}
    status = on(broken(DASK_WORKER_GROUP, dict(known))).statuses[broken(DASK_WORKER_GROUP).key]
    assert (status["highestOrdinal"], status["jobStatus"]) == (7, "Failed")
    assert "decisions" not in status


def test_its_other_conditions_stay_but_those_of_other_programs_are_not_taken_over() -> None:
    """What server-side apply sends it owns."""
    known = [
        {"type": "Accepted", "status": "True", "reason": "Accepted"},
        {"type": "example.com/Audited", "status": "True", "reason": "Yes"},
    ]
    status = on(broken(status={"conditions": known})).statuses[broken().key]
    assert [condition["type"] for condition in status["conditions"]] == ["Ready", "Accepted"]


@pytest.mark.parametrize("conditions", [None, "none", {"a": 1}, [1, "x", {}]])
def test_a_status_that_makes_no_sense_either_does_no_harm(conditions: Any) -> None:
    """The status may be what could not be read."""
    status = on(broken(status={"conditions": conditions})).statuses[broken().key]
    assert [condition["type"] for condition in status["conditions"]] == ["Ready"]


def test_a_condition_keeps_its_time() -> None:
    """Since when a resource is broken is not when it was last looked at."""
    status = on(broken()).statuses[broken().key]
    other = Unreadable(broken().key, "another error", uid="u", generation=5, status=status)
    after = told(world(other), at=LATER)
    (condition,) = after.statuses[other.key]["conditions"]
    assert (condition["lastTransitionTime"], condition["observedGeneration"]) == ("2026-01-31T12:00:00Z", 5)


def test_a_pod_that_cannot_be_read_has_no_status_of_ours() -> None:
    """Only custom resources are reported on."""
    assert on(broken(POD)).actions == ()
