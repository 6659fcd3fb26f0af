"""When a status is written, and what is in it whatever the kind."""

from models.kinds import POD, Key
from models.snapshot import Unreadable
from reconciler.rules.reasons import Reason
from tests.builders import NOON, built, cluster, default_group, scheduler, services, world
from tests.unit.passes.report.podstates import NO_IMAGE, READY, UNSCHEDULABLE
from tests.unit.passes.report.told import LATER, finding, told

SIMPLE = cluster()


def test_a_cluster_that_is_being_deleted_gets_no_status_and_no_events() -> None:
    """Garbage collection is at work; a write would only race it."""
    going = cluster(deleting=True)
    assert told(world(going), findings=[finding(going, Reason.NAME_CONFLICT)]).actions == ()


def test_a_cluster_part_of_which_cannot_be_read_is_unknown_and_keeps_its_numbers() -> None:
    """An incomplete picture is no picture: counts from it would be wrong."""
    seen = cluster(status={"phase": "Running", "replicas": 3, "workers": "3/3"})
    broken = Unreadable(default_group(seen).key, "spec.worker is missing; add it", (seen.metadata.uid,), "u", 1)
    after = told(world(seen, scheduler(seen), *services(seen), broken))
    status = after.statuses[seen.key]
    assert (status["phase"], status["replicas"], status["workers"]) == ("Running", 3, "3/3")
    ready = after.condition(seen, "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "Incomplete")
    assert "spec.worker is missing" in ready.message
    assert after.condition(seen, "Accepted").status == "True"


def test_a_cluster_part_of_whose_groups_cannot_be_read_is_unknown_too() -> None:
    """A group's workers are counted in its cluster."""
    seen = cluster(status={"phase": "Running", "workers": "3/3"})
    broken = Unreadable(Key(POD, "default", "w"), "no name", (default_group(seen).metadata.uid,), "u", 1)
    after = told(world(*built(seen, READY), broken))
    assert after.statuses[seen.key]["workers"] == "3/3"
    assert {after.condition(one, "Ready").status for one in (seen, default_group(seen))} == {"Unknown"}


def test_findings_are_told_in_a_fixed_order() -> None:
    """A status must not flicker with the order in which things are found."""
    both = [finding(SIMPLE, Reason.NAME_CONFLICT, f"{name} belongs to someone else") for name in "zyxwba"]
    message = told(world(SIMPLE), findings=both).condition(SIMPLE, "Ready").message
    assert message == " ".join(f"{name.upper()} belongs to someone else." for name in "abwxyz")


def test_a_condition_keeps_its_time_until_its_status_changes() -> None:
    """`lastTransitionTime` tells since when, not when it was last looked at."""
    begun = told(world(*built(SIMPLE, READY, READY, UNSCHEDULABLE)))
    seen = begun.world.objects[SIMPLE.key]
    assert isinstance(seen, type(SIMPLE))
    later = told(world(seen, *built(SIMPLE, READY, READY, NO_IMAGE)[1:]), at=LATER)
    assert later.condition(SIMPLE, "Ready").message != begun.condition(SIMPLE, "Ready").message
    assert later.condition(SIMPLE, "Ready").last_transition_time == NOON
    over = told(world(seen, *built(SIMPLE, READY, READY, READY)[1:]), at=LATER)
    assert over.condition(SIMPLE, "Ready").last_transition_time == LATER
    assert over.condition(SIMPLE, "SchedulerReady").last_transition_time == NOON


def test_a_status_holds_what_is_derived_and_never_what_is_decided_elsewhere() -> None:
    """Server-side apply owns what it sends; a decision sent along could be taken back."""
    chosen = {"name": "simple-scheduler", "uid": "u"}
    decided = cluster(status={"decisions": {"retiring": [chosen], "failures": {"count": 2}}})
    assert "decisions" not in told(world(decided)).statuses[decided.key]


def test_a_status_is_guarded_by_the_version_it_was_worked_out_from() -> None:
    """A status from an older picture must not overwrite what was decided since."""
    (report, *_) = told(world(SIMPLE)).actions
    assert report.body["metadata"] == {"name": "simple", "namespace": "default", "resourceVersion": "1"}
    assert (report.uid, report.to_status, report.owner, report.tree) == (
        "daskcluster-simple-uid",
        True,
        SIMPLE.key,
        SIMPLE.key,
    )


def test_conditions_of_other_programs_cause_no_write() -> None:
    """Only what differs in our own conditions is worth a write."""
    seen = told(world(SIMPLE)).world.objects[SIMPLE.key]
    assert isinstance(seen, type(SIMPLE))
    foreign = seen.status.conditions[0].model_copy(update={"type": "example.com/Audited"})
    status = seen.status.model_copy(update={"conditions": (foreign, *seen.status.conditions)})
    assert told(world(seen.model_copy(update={"status": status}))).actions == ()
