"""Rules that reports keep in every world."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from models.base import Condition
from models.kinds import POD, Key
from models.resources import DaskCluster, DaskJob, DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot, Unreadable
from models.status import JobStatus
from reconciler.passes.report.pod_trouble import explain
from reconciler.passes.values import Action, Body, Finding, Response, Result, Verb
from reconciler.rules.labels import SCHEDULER_GATE
from reconciler.rules.names import Naming
from reconciler.rules.reason_sets import REASONS_OF_FINDINGS
from reconciler.rules.reasons import Reason
from tests.builders import (
    NOON,
    autoscaler,
    cluster,
    default_group,
    group,
    job,
    job_cluster,
    pod,
    runner,
    scheduler,
    services,
    terminated,
    worker,
    world,
)
from tests.unit.passes.report.podstates import (
    NEW,
    NO_IMAGE,
    READY,
    SCHEDULED,
    SUCCEEDED,
    UNSCHEDULABLE,
    container,
    failed,
    on_node,
    waiting,
)
from tests.unit.passes.report.told import LATER, Told, finding, told

REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")  # metav1.Condition's
TYPE = re.compile(r"[A-Z][A-Za-z]*")
STEPS = list(JobStatus)
CRASHING = on_node(waiting("CrashLoopBackOff", "back-off", lastState=terminated(137, "OOMKilled")))
UNPROBED = on_node(container(), phase="Running")
STATES = [NEW, SCHEDULED, READY, UNSCHEDULABLE, NO_IMAGE, CRASHING, UNPROBED, SUCCEEDED, failed(3)]

FIRST = worker(default_group(cluster()), cluster(), 1)
CHOSEN = {"name": FIRST.key.name, "uid": FIRST.metadata.uid}

states: st.SearchStrategy[Body] = st.sampled_from(STATES)
namings = st.sampled_from(Naming)
going = st.sampled_from([None, None, None, NOON])
known_of_groups: st.SearchStrategy[Body] = st.sampled_from(
    [{}, {"highestOrdinal": 5}, {"decisions": {"retiring": [CHOSEN], "highestOrdinal": 5}}]
)
statuses = st.sampled_from([{}, {"phase": "Running"}, {"phase": "Pending"}])
texts = st.sampled_from(["it is so", "", "x" * 40_000, "two\nlines.", "spec.worker is missing; add it"])


@st.composite
def groups(draw: st.DrawFn, of: DaskCluster, make: Callable[..., DaskWorkerGroup]) -> list[Observed]:
    """A group with workers in any state, from any template."""
    known = draw(known_of_groups)
    strategy = draw(st.sampled_from(["RollingUpdate", "Recreate", "OnDelete"]))
    fields = {"replicas": draw(st.integers(0, 5)), "updateStrategy": {"type": strategy}}
    one = make(of, worker=fields, status=known, deleting=draw(going))
    stale = st.sampled_from([False, False, True])
    pods = [
        worker(one, of, number, draw(states), stale=draw(stale), deleting=draw(going))
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]
    return [one, *pods]


@st.composite
def clusters(draw: st.DrawFn, make: Callable[..., DaskCluster]) -> list[Observed]:
    """A cluster, built as far as may be."""
    one = make(status=draw(statuses), deleting=draw(going))
    objects: list[Observed] = [one]
    if draw(st.booleans()):
        objects.append(scheduler(one, draw(states), deleting=draw(going)))
    type_, ip = draw(st.sampled_from(["ClusterIP", "LoadBalancer"])), draw(st.sampled_from(["", "192.0.2.1"]))
    objects += [each for each in services(one, type_, ip) if draw(st.booleans())]
    for of in (default_group, partial(group, name=f"{one.key.name}-more")):
        objects += draw(groups(one, of)) if draw(st.booleans()) else []
    return objects


@st.composite
def jobs(draw: st.DrawFn) -> list[Observed]:
    """A job at any step."""
    known = draw(st.sampled_from([{}, *({"jobStatus": str(step)} for step in STEPS)]))
    one = job(naming=draw(namings), status=known, deleting=draw(going))
    objects: list[Observed] = [one]
    objects += draw(clusters(partial(job_cluster, one))) if draw(st.booleans()) else []
    if draw(st.booleans()):
        objects.append(runner(one, draw(states), deleting=draw(going)))
    return objects


@st.composite
def responses_on(draw: st.DrawFn, owners: Sequence[Owner]) -> list[Response]:
    """Answers of all kinds to writes on behalf of resources."""
    found = []
    for owner in draw(st.lists(st.sampled_from(owners), max_size=4)):
        key = Key(POD, "default", draw(st.sampled_from(["simple-scheduler", "a", "b"])))
        verb = draw(st.sampled_from([Verb.CREATE, Verb.UPDATE, Verb.DELETE, Verb.RECORD]))
        action = Action(verb, key, owner.key, owner.key, "it must be")
        result = draw(st.sampled_from(list(Result)))
        warnings = draw(st.sampled_from([(), ('unknown field "spec.x"',)])) if result is Result.DONE else ()
        reason = draw(st.sampled_from(["Invalid", "Forbidden", ""])) if result is Result.REFUSED else ""
        error = "" if result is Result.DONE else draw(texts)
        found.append(Response(action, result, warnings=warnings, error=error, reason=reason))
    return found


@st.composite
def findings_on(draw: st.DrawFn, owners: Sequence[Owner]) -> list[Finding]:
    """Any findings that resources of their kinds have; the groups' cluster is there."""
    about = st.lists(st.sampled_from(owners), max_size=4)
    return [finding(owner, draw(st.sampled_from(reasons_of(owner))), draw(texts)) for owner in draw(about)]


def reasons_of(owner: Owner) -> list[Reason]:
    return [
        reason
        for reason in REASONS_OF_FINDINGS
        if reason is not Reason.CLUSTER_NOT_FOUND and any(owner.kind() in use.kinds for use in reason.uses)
    ]


@st.composite
def passes(draw: st.DrawFn) -> tuple[Snapshot, list[Finding], list[Response]]:
    """A world, what was found in it, and what came of the writes."""
    objects = [*draw(clusters(partial(cluster, naming=draw(namings)))), *draw(jobs()), autoscaler()]
    owners = [one for one in objects if isinstance(one, Owner)]
    unreadable = [
        Unreadable(Key(POD, "default", "broken"), draw(texts), (owner.metadata.uid,))
        for owner in draw(st.lists(st.sampled_from(owners), max_size=1))
    ]
    shuffled = draw(st.permutations(objects))
    return world(*shuffled, *unreadable), draw(findings_on(owners)), draw(responses_on(owners))


Pass = tuple[Snapshot, list[Finding], list[Response]]


def report_on(one: Pass, at: datetime = NOON) -> Told:
    there, findings, responses = one
    return told(there, findings=findings, responses=responses, at=at)


@given(passes())
@settings(deadline=None)
def test_a_report_is_at_rest_on_its_own_result(one: Pass) -> None:
    """What was written is not written again, however much later."""
    _, findings, responses = one
    again = report_on((report_on(one).world, findings, responses), LATER)
    assert again.statuses == {}


@given(passes())
@settings(deadline=None)
def test_a_report_does_not_depend_on_order(one: Pass) -> None:
    """Lists and answers come in any order; what is said of them does not."""
    there, findings, responses = one
    turned = Snapshot(there.taken_at, dict(reversed(list(there.objects.items()))), there.unreadable)
    assert report_on((turned, findings[::-1], responses)).actions == report_on(one).actions


@given(passes())
@settings(deadline=None)
def test_conditions_follow_the_conventions_of_the_kubernetes_api(one: Pass) -> None:
    """Each is complete, of a type of its own, and says why in a word and a sentence."""
    for key, status in report_on(one).statuses.items():
        conditions = [Condition.model_validate(condition) for condition in status["conditions"]]
        types = [condition.type for condition in conditions]
        assert len(types) == len(set(types)), f"{key}: {types}"
        for condition in conditions:
            assert TYPE.fullmatch(condition.type)
            assert REASON.fullmatch(condition.reason), f"{key}: {condition}"
            assert condition.message.strip() == condition.message != "", f"{key}: {condition}"
            assert len(condition.message) <= 4096
            assert condition.observed_generation == 1
            assert condition.last_transition_time == NOON


@given(passes())
@settings(deadline=None)
def test_conditions_have_the_reasons_that_are_declared_for_them(one: Pass) -> None:
    """A reason stands on the conditions and kinds, and with the status, that docs/conditions.md shows."""
    for key, status in report_on(one).statuses.items():
        for condition in status["conditions"]:
            if condition["type"] == "Accepted" and condition["status"] == "False":
                continue  # the API server's own reason
            use = Reason(condition["reason"]).use(condition["type"])
            assert key.kind in use.kinds, f"{key}: {condition}"
            assert condition["status"] == use.status, f"{key}: {condition}"


@given(passes())
@settings(deadline=None)
def test_every_condition_is_there_from_the_first_report_on(one: Pass) -> None:
    """Nobody waits for a condition that is not there, whatever the state of the world."""
    expected = {
        "DaskCluster": {"Ready", "SchedulerReady", "WorkersReady", "Progressing", "Accepted"},
        "DaskWorkerGroup": {"Ready", "Progressing", "Accepted"},
        "DaskJob": {"Ready", "Progressing", "Complete", "Failed", "RunnerUpToDate", "Accepted"},
        "DaskAutoscaler": {"Ready", "AbleToScale", "ScalingActive", "ScalingLimited"},
    }
    for key, status in report_on(one).statuses.items():
        assert {condition["type"] for condition in status["conditions"]} == expected[key.kind.name]


@given(passes())
@settings(deadline=None)
def test_resources_that_are_being_deleted_and_decisions_are_never_written(one: Pass) -> None:
    """A report writes what it derives, and only where someone will read it."""
    for action in report_on(one).actions:
        there = one[0].objects.get(action.key)
        if action.verb is Verb.REPORT:
            assert isinstance(there, Owner)
            assert there.metadata.deletion_timestamp is None
            assert "decisions" not in action.body["status"]


@given(st.lists(jobs(), min_size=2, max_size=5))
@settings(deadline=None)
def test_a_jobs_status_never_goes_back(lives: list[list[Observed]]) -> None:
    """Whatever happens to its Pods and its cluster, a job only gets further."""
    first = lives[0][0]
    assert isinstance(first, DaskJob)
    known = first.model_copy(update={"metadata": first.metadata.model_copy(update={"deletion_timestamp": None})})
    reached = -1
    for others in lives:
        found = told(world(known, *others[1:])).world.objects[known.key]
        assert isinstance(found, DaskJob)
        assert found.status.job_status is not None
        step = STEPS.index(found.status.job_status)
        assert step >= reached, f"{STEPS[reached]} became {found.status.job_status}"
        known, reached = found, step


words = st.sampled_from(["", "x", "a b.\nc"])
ends = st.builds(terminated, st.integers(0, 255), words, words)
container_states = st.one_of(
    st.just({}), ends, st.builds(lambda r, m: {"waiting": {"reason": r, "message": m}}, words, words)
)
containers = st.builds(
    lambda name, ready, state, last: container(name, ready=ready, state=state, lastState=last),
    st.sampled_from("ab"),
    st.booleans(),
    container_states,
    st.one_of(st.just({}), ends),
)
conditions = st.builds(
    lambda type_, status, message: {"type": type_, "status": status, "message": message},
    st.sampled_from(["Ready", "PodScheduled", "DisruptionTarget"]),
    st.sampled_from(["True", "False", "Unknown"]),
    words,
)


@given(
    st.fixed_dictionaries(
        {
            "phase": st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
            "reason": words,
            "message": words,
            "conditions": st.lists(conditions, max_size=3),
            "initContainerStatuses": st.lists(containers, max_size=2),
            "containerStatuses": st.lists(containers, max_size=2),
        }
    ),
    st.lists(st.sampled_from([SCHEDULER_GATE, "example.com/quota"]), max_size=2),
)
def test_every_pod_can_be_explained(status: Body, gates: list[str]) -> None:
    """A Pod that is not ready has an explanation, on one line, and one that is ready has none."""
    one = pod("x", status, gates=gates)
    said = explain(one)
    assert bool(said) == (not one.is_ready or one.has_ended)
    assert "\n" not in said
    assert not said.endswith(".")
