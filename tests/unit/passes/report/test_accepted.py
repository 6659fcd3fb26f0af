"""Whether the API server takes what is made from a resource."""

from dataclasses import replace

import pytest

from models.kinds import DASK_CLUSTER, DASK_WORKER_GROUP, POD, SERVICE, Key, Kind
from models.resources import DaskCluster
from models.snapshot import Owner
from reconciler.passes.values import Action, Response, Result, Verb
from reconciler.rules.labels import DO_NOT_DISRUPT, SAFE_TO_EVICT, SET_BY_OWNER
from reconciler.rules.reasons import Reason
from tests.builders import built, cluster, default_group, job, world
from tests.manifests import pod_spec
from tests.unit.passes.report.podstates import READY
from tests.unit.passes.report.told import Told, finding, told

SIMPLE = cluster()
DEFAULT = default_group(SIMPLE)
WRONG = "spec.containers[0].image: Required value"
WARNING = 'unknown field "spec.containers[0].imagee"'


def action(of: Owner = SIMPLE, verb: Verb = Verb.CREATE, name: str = "simple-scheduler", kind: Kind = POD) -> Action:
    return Action(verb, Key(kind, "default", name), of.key, of.key, "the cluster needs a scheduler")


def refused(
    of: Owner = SIMPLE, name: str = "simple-scheduler", error: str = WRONG, reason: str = "Invalid"
) -> Response:
    return Response(action(of, name=name), Result.REFUSED, error=error, reason=reason)


def done(*warnings: str, verb: Verb = Verb.CREATE) -> Response:
    return Response(action(verb=verb), Result.DONE, warnings=warnings)


def accepted(after: Told, of: Owner = SIMPLE) -> tuple[str, str, str]:
    condition = after.condition(of, "Accepted")
    return condition.status, condition.reason, condition.message


def following(before: Told, *responses: Response, generation: int = 1) -> Told:
    """The next pass over the cluster, as it was left, with a generation."""
    known = before.world.objects[SIMPLE.key]
    assert isinstance(known, DaskCluster)
    known = known.model_copy(update={"metadata": known.metadata.model_copy(update={"generation": generation})})
    return told(world(known), responses=responses)


def test_a_refusal_is_told_with_the_api_servers_own_words() -> None:
    """Its message says which field is wrong, better than ours could."""
    after = told(world(SIMPLE), responses=[refused()])
    assert accepted(after) == ("False", "Invalid", WRONG)
    assert after.condition(SIMPLE, "SchedulerReady").message == (
        f"There is no scheduler Pod, since the API server refused it: {WRONG}."
    )
    assert after.events["FailedCreate"] == WRONG


def test_a_refusal_stays_until_the_resource_is_edited() -> None:
    """While the next attempt is waited for, its owner still sees why; an edit wipes the slate."""
    first = told(world(SIMPLE), responses=[refused()])
    second = following(first)
    assert accepted(second) == ("False", "Invalid", WRONG)
    assert second.events == {}
    assert accepted(following(second, generation=2))[:2] == ("True", "Accepted")


def test_a_refusal_ends_with_a_write_that_succeeds() -> None:
    """A raised quota needs no edit."""
    first = told(world(SIMPLE), responses=[refused(reason="Forbidden")])
    assert accepted(following(first, done()))[:2] == ("True", "Accepted")


def test_what_node_autoscalers_are_told_ends_no_refusal() -> None:
    """Pods are marked as they come to work and to rest: each time, a quota would be told of anew."""
    first = told(world(SIMPLE), responses=[refused(reason="Forbidden")])
    marks = {"metadata": {"uid": "u", "annotations": {SAFE_TO_EVICT: "true", DO_NOT_DISRUPT: None, SET_BY_OWNER: "{}"}}}
    marked = Response(replace(action(verb=Verb.UPDATE), body=marks), Result.DONE)
    assert following(first, marked).actions == ()
    other = {"metadata": {"annotations": {"team": "a"}}}
    changed = Response(replace(action(verb=Verb.UPDATE), body=other), Result.DONE)
    assert accepted(following(first, changed))[:2] == ("True", "Accepted")


def test_a_refusal_that_is_repeated_is_told_once() -> None:
    """An Event is for a change; the condition stays by itself."""
    again = following(told(world(SIMPLE), responses=[refused()]), refused())
    assert again.actions == ()


def test_warnings_are_told_and_stop_nothing() -> None:
    """A misspelled field is its owner's business, though the Pod runs."""
    after = told(world(SIMPLE), responses=[done(WARNING, "deprecated"), done(WARNING)])
    told_of = f"{WARNING.replace('spec.', 'spec.scheduler.spec.')}; deprecated"
    assert accepted(after) == ("True", "UnknownField", told_of)
    assert after.events["UnknownField"] == told_of


JOB = job()


@pytest.mark.parametrize(
    ("of", "kind", "field", "place"),
    [
        (SIMPLE, POD, "spec.nodNme", "spec.scheduler.spec.nodNme"),
        (SIMPLE, SERVICE, "spec.ports[0].prot", "spec.scheduler.service.ports[0].prot"),
        (SIMPLE, DASK_WORKER_GROUP, "spec.worker.replica", "spec.worker.replica"),
        (SIMPLE, POD, "metadata.spec", "metadata.spec"),
        (DEFAULT, POD, "spec.containers[0].imagee", "spec.worker.spec.containers[0].imagee"),
        (JOB, POD, "spec.nodNme", "spec.job.spec.nodNme"),
        (JOB, DASK_CLUSTER, "spec.worker.replica", "spec.cluster.spec.worker.replica"),
    ],
)
def test_a_warning_names_the_field_where_the_resource_has_it(of: Owner, kind: Kind, field: str, place: str) -> None:
    """The server knows what is made; whoever corrects the field looks for it in what they wrote."""
    warned = Response(action(of, kind=kind), Result.DONE, warnings=(f'unknown field "{field}"',))
    after = told(world(SIMPLE, DEFAULT, JOB), responses=[warned])
    assert accepted(after, of)[2] == f'unknown field "{place}"'


@pytest.mark.parametrize(("number", "told_as"), [(2, 0), (3, 1)])
def test_a_variable_has_the_number_that_its_user_gave_it(number: int, told_as: int) -> None:
    """What is put before the user's variables is not in the template."""
    users = [{"name": "A", "valeu": "a"}, {"name": "B", "valeu": "b"}]
    group = default_group(SIMPLE, worker={"spec": pod_spec(env=users)})
    ours = [{"name": "DASK_WORKER_NAME"}, {"name": "DASK_SCHEDULER_ADDRESS"}]
    made = replace(action(group), body={"spec": pod_spec(env=[*ours, *users])})
    warned = Response(made, Result.DONE, warnings=(f'unknown field "spec.containers[0].env[{number}].valeu"',))
    after = told(world(SIMPLE, group), responses=[warned])
    assert accepted(after, group)[2] == f'unknown field "spec.worker.spec.containers[0].env[{told_as}].valeu"'


def test_warnings_stay_while_the_generation_does() -> None:
    """A later write that brings none, such as of a label, has not mended the template."""
    after = following(told(world(SIMPLE), responses=[done(WARNING)]), done(verb=Verb.UPDATE))
    assert accepted(after)[1] == "UnknownField"
    assert after.actions == ()
    assert accepted(following(after, done(), generation=2))[1] == "Accepted"


def test_refusals_are_told_the_same_whatever_answer_came_first() -> None:
    """Writes run side by side; a status must not flicker with their order."""
    one, other = refused(name="a", error="quota at a"), refused(name="b", error="quota at b")
    messages = {accepted(told(world(SIMPLE), responses=order)) for order in ([one, other], [other, one])}
    assert messages == {("False", "Invalid", "quota at a")}


@pytest.mark.parametrize(("said", "reason"), [("Forbidden", "Forbidden"), ("", "Refused"), ("no, sir", "Refused")])
def test_a_reason_is_a_word_that_a_condition_may_carry(said: str, reason: str) -> None:
    """The API server checks reasons against a pattern."""
    assert accepted(told(world(SIMPLE), responses=[refused(reason=said)]))[1] == reason


@pytest.mark.parametrize("result", [Result.CONFLICT, Result.UNAVAILABLE, Result.UNKNOWN, Result.SKIPPED])
def test_what_was_not_refused_is_no_news(result: Result) -> None:
    """A conflict or a silent server says nothing about the template."""
    assert accepted(told(world(SIMPLE), responses=[Response(action(), result, error="?")]))[1] == "Accepted"


@pytest.mark.parametrize("result", [Result.UNAVAILABLE, Result.UNKNOWN])
def test_a_silent_api_server_is_told_in_progressing(result: Result) -> None:
    """Waiting is all that can be done."""
    after = told(world(*built(SIMPLE, READY)), responses=[Response(action(), result, error="silent for 30 s")])
    progressing = after.condition(SIMPLE, "Progressing")
    assert (progressing.status, progressing.reason) == ("True", "ApiUnavailable")


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.RECORD])
def test_a_refused_delete_or_decision_is_told_in_progressing(verb: Verb) -> None:
    """It says nothing about the templates, but nothing moves before someone grants a right."""
    answer = Response(action(verb=verb), Result.REFUSED, error="no right to do that", reason="Forbidden")
    after = told(world(*built(SIMPLE, READY)), responses=[answer])
    progressing = after.condition(SIMPLE, "Progressing")
    assert (progressing.status, progressing.reason) == ("False", "Refused")
    assert progressing.message == f"The API server refused to {verb} Pod default/simple-scheduler: no right to do that."
    assert accepted(after)[1] == "Accepted"


def test_a_groups_refusal_is_the_reason_that_its_cluster_shows() -> None:
    """A quota that stops workers is seen where people look first."""
    quota = 'pods "w" is forbidden: exceeded quota: gpus'
    after = told(world(*built(SIMPLE, READY)), responses=[refused(DEFAULT, "w", quota, "Forbidden")])
    assert accepted(after, DEFAULT) == ("False", "Forbidden", quota)
    assert accepted(after)[0] == "True"
    assert after.condition(SIMPLE, "Ready").message == (f"2 of 3 workers are not ready: 2 to create: {quota}.")


def test_an_update_that_was_refused_is_told_as_such() -> None:
    """Kubernetes' own controllers tell FailedCreate and FailedUpdate apart."""
    change = action(verb=Verb.UPDATE, name="simple-service", kind=SERVICE)
    after = told(world(SIMPLE), responses=[Response(change, Result.REFUSED, error=WRONG, reason="Invalid")])
    assert set(after.events) == {"FailedUpdate"}


def test_a_refused_service_is_why_the_cluster_is_not_ready() -> None:
    """`Ready` gives the API server's words, not that something is missing."""
    ready = [one for one in built(SIMPLE, READY) if one.key.kind != SERVICE]
    after = told(world(*ready), responses=[refused(name="simple-service", error="spec.ports[0].port: Invalid value")])
    assert after.condition(SIMPLE, "Ready").message == (
        "There is no Service simple-service, since the API server refused it: spec.ports[0].port: Invalid value."
    )


def test_an_annotation_that_makes_no_sense_is_told_until_it_does() -> None:
    """It stops nothing and is told in an Event once; mending it is no new generation."""
    wrong = [finding(SIMPLE, Reason.INVALID_ANNOTATION, 'its annotation a is "b"; it must be 1')]
    first = told(world(SIMPLE), findings=wrong)
    assert accepted(first) == ("True", "InvalidAnnotation", 'Its annotation a is "b"; it must be 1.')
    assert first.events == {"InvalidAnnotation": 'Its annotation a is "b"; it must be 1.'}
    known = first.world.objects[SIMPLE.key]
    again = told(world(known), findings=wrong)
    assert again.actions == ()
    mended = told(world(known))
    assert accepted(mended)[:2] == ("True", "Accepted")
    assert mended.events == {}


def test_a_refusal_weighs_more_than_an_annotation() -> None:
    """Without Pods there is no cluster; the annotation is told when they are there."""
    wrong = [finding(SIMPLE, Reason.INVALID_ANNOTATION)]
    first = told(world(SIMPLE), findings=wrong, responses=[refused()])
    assert accepted(first) == ("False", "Invalid", WRONG)
    known = first.world.objects[SIMPLE.key]
    assert accepted(told(world(known), findings=wrong)) == ("False", "Invalid", WRONG)
    assert accepted(told(world(known), findings=wrong, responses=[done()]))[1] == "InvalidAnnotation"


RESTRICTED = (
    'pods "simple-scheduler" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
    '(container "scheduler" must set securityContext.allowPrivilegeEscalation=false)'
)


def test_a_restricted_namespace_says_what_it_wants() -> None:
    """In the API server's words, from which the securityContext can be written."""
    after = told(world(SIMPLE), responses=[refused(error=RESTRICTED, reason="Forbidden")])
    assert accepted(after) == ("False", "Forbidden", RESTRICTED)
