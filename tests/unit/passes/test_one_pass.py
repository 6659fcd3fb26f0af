"""One pass: it goes as far as it can, ends in time, and says only what it knows."""

from collections.abc import Callable

import pytest

from models.kinds import DASK_CLUSTER, DASK_JOB, DASK_WORKER_GROUP, EVENT, POD, Key, Kind
from models.snapshot import Owner
from reconciler.daemon.settings import Settings
from reconciler.passes.apply import IN_HAND, Writers
from reconciler.passes.observe import Scope, observe
from reconciler.passes.one_pass import MOST_ROUNDS, make_pass
from reconciler.passes.pass_memory import Clock, Memory
from reconciler.passes.planning_order import AT_A_TIME
from reconciler.passes.values import PassResult, Result, Verb
from reconciler.rules.labels import TEMPLATE_HASH
from reconciler.rules.reasons import Reason
from reconciler.wire.errors import Forbidden
from reconciler.wire.protocol import Body
from tests.builders import NAMESPACE, cluster, group, job, reasons
from tests.manifests import pod_spec
from tests.unit.passes.answers import AT_ONCE, AtOnce
from tests.unit.passes.place import Place

SIMPLE = Key(DASK_CLUSTER, NAMESPACE, "simple")
SCHEDULER = Key(POD, NAMESPACE, "simple-scheduler")


def _pass(  # noqa: PLR0913, PLR0917  # what a pass depends on
    place: Place,
    memory: Memory | None = None,
    may_begin: Callable[[], bool] = lambda: True,
    parallel: int = 8,
    may_hold: Callable[[], bool] = lambda: False,
    settings: Settings = Settings(),  # noqa: B008 - it is frozen
) -> tuple[PassResult, Memory]:
    observation = observe(place, Scope(), place.clock())
    clock = Clock(place.clock, place.clock.seconds)
    writers = Writers(AtOnce(), parallel, may_begin)
    place.writes.clear()
    return make_pass(place, observation, settings, memory or Memory(), clock, writers, AT_ONCE, None, may_hold)


def _pods(place: Place) -> int:
    return len(place.api.objects(POD))


def _condition(place: Place, key: Key, type_: str) -> Body:
    body = place.api.get(key)
    assert body is not None
    found: Body = next(one for one in body["status"]["conditions"] if one["type"] == type_)
    return found


def test_one_pass_takes_a_job_all_the_way_to_its_workers() -> None:
    """Without listing again: cluster, group, Pods and runner, and the statuses of all of them."""
    place = Place()
    place.add(job("train", replicas=2))
    result, _ = _pass(place)
    assert _pods(place) == 4
    assert {key.kind.name for key in (response.action.key for response in result.reports) if key.kind != EVENT} == {
        "DaskJob",
        "DaskCluster",
        "DaskWorkerGroup",
    }
    assert (result.is_cut, result.ok) == (False, True)
    assert result.rounds < MOST_ROUNDS


def test_what_an_edit_changes_below_is_made_from_the_new_spec_at_once() -> None:
    """A Pod that is missing at that moment is not made from the old spec first, to be replaced in the next pass."""
    place = Place()
    place.add(job("train", replicas=2))
    _pass(place)
    edited = pod_spec("dask:2")
    change = {"worker": {"spec": edited}, "scheduler": {"spec": edited}}
    place.api.edit(Key(DASK_JOB, NAMESPACE, "train"), {"spec": {"cluster": {"spec": change}}})
    for pod in place.api.objects(POD):
        place.api.remove(Key(POD, NAMESPACE, pod["metadata"]["name"]))
    result, _ = _pass(place)
    assert len(place.made(Verb.CREATE, POD)) == 4
    made = {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in place.api.objects(POD)}
    assert {image for name, image in made.items() if name != "train-runner"} == {"dask:2"}
    assert not result.plan.postponed


def test_a_strangers_cluster_in_a_jobs_way_is_not_worked_on() -> None:
    """It came after the lists: what it has already is in none of them."""
    place = Place()
    theirs = cluster("train-cluster")

    def happens(verb: Verb | None) -> None:
        if verb is Verb.CREATE and place.api.get(theirs.key) is None:
            place.add(theirs)

    place.happens = happens
    place.add(job("train"))
    result, _ = _pass(place)
    assert [body["metadata"]["name"] for body in place.api.objects(POD)] == []
    body = place.api.get(theirs.key)
    assert body is not None
    assert "status" not in body
    assert Reason.NAME_CONFLICT in [finding.reason for finding in result.plan.findings]


def test_nobodys_status_waits_for_anothers_thousand_pods() -> None:
    """A tree that is through has its status while others still have writes left."""
    place = Place()
    place.add(cluster("big", replicas=1000), cluster("small", replicas=2))
    _pass(place, parallel=1)
    verbs = [(verb, key.kind) for verb, key in place.writes]
    told = place.writes.index((Verb.REPORT, Key(DASK_CLUSTER, NAMESPACE, "small")))
    assert verbs[:told].count((Verb.CREATE, POD)) < 100
    assert verbs.count((Verb.CREATE, POD)) == 1004


def test_in_a_crowd_the_first_status_of_a_new_tree_waits_for_the_next_look() -> None:
    """What was done is told at once; each status would be written twice otherwise."""
    place = Place()
    place.add(cluster(replicas=2))
    result, memory = _pass(place, may_hold=lambda: True)
    assert result.held == {SIMPLE}
    assert (place.made(Verb.REPORT, DASK_CLUSTER), place.made(Verb.REPORT, DASK_WORKER_GROUP)) == ([], [])
    assert [event["reason"] for event in place.api.objects(EVENT)] == ["ScaledUp"]
    again, _ = _pass(place, memory, may_hold=lambda: True)
    assert again.held == set()
    assert place.made(Verb.REPORT, DASK_CLUSTER) == ["simple"]


def test_in_a_crowd_trouble_is_told_at_once() -> None:
    """Of what was refused only this pass knows, and whoever waits for a cluster must hear of it."""

    def quota(verb: Verb | None) -> None:
        if verb is Verb.CREATE and place.writes[-1][1] == SCHEDULER:
            raise Forbidden("exceeded quota", status=403)

    place = Place(quota)
    place.add(cluster())
    result, _ = _pass(place, may_hold=lambda: True)
    assert result.held == set()
    assert "exceeded quota" in _condition(place, SIMPLE, "Ready")["message"]


def test_a_pass_ends_at_its_deadline_and_still_reports_what_it_saw() -> None:
    """What there was no time for is skipped; the next pass goes on where this one ended."""
    place = Place()
    place.happens = lambda verb: place.clock.advance(1.0 if verb is Verb.CREATE else 0.0)
    place.add(cluster(replicas=20))
    result, memory = _pass(place, may_begin=lambda: place.clock.seconds() < 10, parallel=1)
    assert result.is_cut
    created = [key for verb, key in place.writes if verb is Verb.CREATE and key.kind != EVENT]
    assert len(created) == 10
    assert {one.result for one in result.responses} == {Result.DONE, Result.SKIPPED}
    assert _condition(place, SIMPLE, "Progressing")["status"] == "True"
    assert result.failures == ()
    again, _ = _pass(place, memory)
    assert (again.is_cut, _pods(place)) == (False, 21)


@pytest.mark.parametrize("questions", range(1, 40))
def test_whenever_a_pass_ends_it_says_so_unless_all_was_done(questions: int) -> None:
    """However often it asked before whether it may go on."""
    place, answers = Place(), iter(range(questions))
    place.add(cluster(replicas=2))
    result, _ = _pass(place, may_begin=lambda: next(answers, None) is not None)
    assert result.is_cut or _pods(place) == 3


def test_every_tree_has_its_turn_though_planning_alone_takes_longer_than_a_pass() -> None:
    """Also those with nothing to write, such as clusters that start, are looked at one after the other."""
    place = Place()
    place.add(*(cluster(f"c{number}", replicas=1) for number in range(4 * AT_A_TIME)))
    _, memory = _pass(place)
    for _ in range(2):
        unseen = {Key(DASK_CLUSTER, NAMESPACE, f"c{number}") for number in range(4 * AT_A_TIME)}
        for _ in range(5):
            answers = iter(range(4))
            result, memory = _pass(place, memory, may_begin=lambda: next(answers, None) is not None)  # noqa: B023
            assert result.is_cut
            unseen &= result.left_out
        assert unseen == set()


def test_a_pass_that_is_stopped_before_it_begins_says_nothing() -> None:
    """Nothing was found out, so nothing is taken back of what owners were told, and nothing that waits is forgotten."""

    def quota(verb: Verb | None) -> None:
        if verb is Verb.CREATE:
            raise Forbidden("exceeded quota", status=403)

    place = Place(quota)
    place.add(cluster(), group("nobody", "lost"))
    _, memory = _pass(place)
    lost = Key(DASK_WORKER_GROUP, NAMESPACE, "lost")
    before = [place.api.get(key) for key in (SIMPLE, lost)]
    assert _condition(place, lost, "Ready")["reason"] == "ClusterNotFound"
    result, after = _pass(place, memory, may_begin=lambda: False)
    assert (place.writes, result.rounds, result.is_cut, result.reports) == ([], 0, True, ())
    assert [place.api.get(key) for key in (SIMPLE, lost)] == before
    assert after.backoff == memory.backoff != Memory().backoff


def test_a_resource_that_cannot_be_read_is_told_so_though_there_is_no_other() -> None:
    """Nothing can be planned for it, and nothing else was."""
    place = Place(checked=False)
    place.add(cluster())
    place.api.edit(SIMPLE, {"spec": {"worker": {"replicas": -1}}})
    result, _ = _pass(place)
    assert result.plan.actions == ()
    assert _condition(place, SIMPLE, "Ready")["reason"] == "Invalid"


def test_what_was_refused_waits_and_the_rest_goes_on() -> None:
    """In the next pass the owner is told of the wait; after it the write is tried again."""
    refuses = [True]

    def quota(verb: Verb | None) -> None:
        if verb is Verb.CREATE and place.writes[-1][1] == SCHEDULER and refuses[0]:
            raise Forbidden("exceeded quota", status=403)

    place = Place(quota)
    place.add(cluster())
    first, memory = _pass(place)
    assert [failure.action.key for failure in first.failures] == [SCHEDULER]
    assert place.made(Verb.CREATE, POD).count("simple-scheduler") == 1
    assert _pods(place) == 3
    second, memory = _pass(place, memory)
    assert reasons(second.plan.findings) == [Reason.BACK_OFF]
    assert place.made(Verb.CREATE, POD) == []
    assert [action.key for action in second.plan.postponed] == [SCHEDULER]
    refuses[0] = False
    place.clock.advance(1.0)
    third, memory = _pass(place, memory)
    assert (third.ok, _pods(place), memory.backoff.waits) == (True, 4, {})


def test_one_worker_that_is_refused_is_enough() -> None:
    """Or a full quota would cost as many writes in every pass as there are workers to come."""

    def quota(verb: Verb | None) -> None:
        if verb is Verb.CREATE and place.writes[-1][1].kind == POD:
            raise Forbidden("exceeded quota", status=403)

    place = Place(quota)
    place.add(cluster(replicas=100))
    _, memory = _pass(place)
    assert len(place.made(Verb.CREATE, POD)) == 2
    again, _ = _pass(place, memory)
    assert (place.made(Verb.RECORD, DASK_WORKER_GROUP), place.made(Verb.CREATE, POD)) == ([], [])
    assert len(again.plan.postponed) == 101


def _without(annotation: str, kind: Kind) -> Callable[[Body], Body]:
    """A webhook that takes an annotation away from what is created."""

    def admitted(body: Body) -> Body:
        meta = body["metadata"]
        left = {name: value for name, value in meta.get("annotations", {}).items() if name != annotation}
        return {**body, "metadata": {**meta, "annotations": left}} if body["kind"] == kind.name else body

    return admitted


def test_a_webhook_that_takes_our_marks_away_makes_no_storm() -> None:
    """What it spoils is left as it is in the pass that made it, and its owner is told; then it backs off."""
    place = Place(admitted=_without(TEMPLATE_HASH, POD))
    place.add(cluster(replicas=2))
    result, memory = _pass(place)
    assert (result.rounds < 10, result.is_cut) == (True, False)
    assert len(place.made(Verb.CREATE, POD)) == 3
    assert place.made(Verb.DELETE, POD) == []
    _, memory = _pass(place, memory)
    assert place.made(Verb.DELETE, POD) == []
    ready = _condition(place, SIMPLE, "Progressing")
    assert (ready["status"], ready["reason"]) == ("False", "ChangesUndone")
    assert TEMPLATE_HASH in ready["message"]


@pytest.mark.parametrize(("resource", "pods"), [(cluster(replicas=2), 3), (job(replicas=2), 4)], ids=["cluster", "job"])
def test_a_webhook_that_takes_our_marks_away_makes_no_storm_of_passes_that_are_cut_short(
    resource: Owner, pods: int
) -> None:
    """Although none of them comes to look at what it has made itself."""
    place, memory, made = Place(admitted=_without(TEMPLATE_HASH, POD)), Memory(), 0
    place.add(resource)
    for _ in range(10):
        place.writes.clear()
        place.clock.advance(5)
        _, memory = _pass(place, memory, lambda: not place.made(Verb.CREATE, POD), parallel=1)
        made += len(place.made(Verb.CREATE, POD))
    assert (made, len(place.api.objects(POD)), place.made(Verb.DELETE, POD)) == (pods, pods, [])


def test_an_edit_that_cannot_be_made_real_holds_up_no_other() -> None:
    """A template that is refused for one cluster is that cluster's."""

    def refuse(verb: Verb | None) -> None:
        if verb is Verb.CREATE and place.writes[-1][1].name.startswith("bad"):
            raise Forbidden("not so", status=403)

    place = Place(refuse)
    place.add(cluster("bad", worker={"spec": pod_spec()}), cluster("good", replicas=2))
    result, _ = _pass(place)
    assert _pods(place) == 3
    assert {failure.action.owner.name for failure in result.failures} == {"bad"}


def test_who_comes_while_many_others_come_up_is_next() -> None:
    """And so is, after a pass that was cut off, who had no turn in it."""
    place = Place()
    for number in range(6):
        place.add(cluster(f"c{number}"))
        place.clock.advance(1.0)

    def until(writes: int) -> Callable[[], bool]:
        return lambda: len(place.writes) < writes

    _, memory = _pass(place, may_begin=until(2), parallel=1)
    assert place.made(Verb.RECORD, DASK_CLUSTER) == ["c5", "c4"]
    place.add(cluster("late"))
    _pass(place, memory, until(4), parallel=1)
    assert place.made(Verb.RECORD, DASK_CLUSTER) == ["late", "c3"]


def test_trees_are_planned_when_their_turn_comes() -> None:
    """The first write waits for no plan but its own; what the pass never came to is left to the next, and to hints."""
    place = Place()
    place.add(*(cluster(f"c{number}") for number in range(3 * IN_HAND)))
    result, _ = _pass(place, may_begin=lambda: len(place.writes) < 1, parallel=1)
    planned = {action.tree for action in result.plan.actions}
    assert len(planned) <= IN_HAND + AT_A_TIME
    assert result.is_cut
    assert result.left_out.isdisjoint(planned)
    assert len(result.left_out | planned) == 3 * IN_HAND


def test_who_has_much_to_delete_comes_after_the_others() -> None:
    """Else one cluster that shrinks by a thousand workers would use up all that may be deleted in a pass."""
    place = Place()
    place.add(cluster("big", replicas=30))
    _pass(place)
    place.clock.advance(1)
    place.add(*(cluster(f"c{number}", replicas=1) for number in range(20)))
    place.clock.advance(1)
    place.add(cluster("huge", replicas=70))
    _pass(place)
    for body in place.api.objects(DASK_CLUSTER):
        key = Key(DASK_CLUSTER, NAMESPACE, body["metadata"]["name"])
        place.api.edit(key, {"spec": {"worker": {"replicas": 0}}})
    place.clock.advance(1000)
    _pass(place, settings=Settings(deletion_cap=60))
    groups = {body["metadata"]["name"]: body for body in place.api.objects(DASK_WORKER_GROUP)}
    going = {name: len(body["status"]["decisions"].get("retiring", ())) for name, body in groups.items()}
    assert going.pop("big-default-worker-group") + going.pop("huge-default-worker-group") == 40
    assert set(going.values()) == {1}


def test_who_has_much_to_delete_has_its_turn_when_the_others_have_nothing_to_do() -> None:
    """There is nobody to wait for."""
    place = Place()
    place.add(cluster("big", replicas=30), group("missing", "waits"))
    _pass(place)
    place.api.edit(Key(DASK_WORKER_GROUP, NAMESPACE, "big-default-worker-group"), {"spec": {"worker": {"replicas": 0}}})
    place.clock.advance(1000)
    result, _ = _pass(place, settings=Settings(deletion_cap=60))
    assert len(place.made(Verb.DELETE, POD)) == 30
    assert not result.is_cut
