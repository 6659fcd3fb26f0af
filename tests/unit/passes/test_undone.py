"""What someone else takes back as soon as it is written."""

from dataclasses import replace

import pytest

from models.observed import Pod
from reconciler.passes.undone import Written
from reconciler.passes.values import Action, Change, Response, Result, Verb
from reconciler.rules.labels import SET_BY_OWNER, TEMPLATE_HASH
from tests.builders import pod, world
from tests.unit.passes.planning import action, plan_of

UPDATE = replace(action(Verb.UPDATE), uid="u", changes=(Change("metadata.labels.team", None, "x"),))
MARKS = {TEMPLATE_HASH: "new", SET_BY_OWNER: "{}", "their/own": "x"}
CREATE = replace(action(Verb.CREATE, "w"), body={"metadata": {"name": "w", "annotations": MARKS}})


def _written(*responses: Response) -> Written:
    written = Written()
    written.note(responses)
    return written


def _made(annotations: dict[str, str]) -> tuple[Pod, Written]:
    """A Pod that was created with all our marks, and what the API server answered."""
    made = pod("w", uid="w-uid", annotations=annotations)
    return made, _written(Response(CREATE, Result.DONE, objects={made.key: made}))


DELETE = replace(action(Verb.DELETE, "w"), uid="w-uid")
DOOM = replace(action(Verb.RECORD, "simple"), doomed=("another-uid", "w-uid"))


def test_an_update_that_is_needed_again_in_the_same_pass_was_taken_back() -> None:
    """The owner is told of which field."""
    written = _written(Response(UPDATE, Result.DONE))
    written.compare(plan_of(UPDATE), world())
    expected = "metadata.labels.team of Pod default/p is set back by something else at once"
    assert written.undone == {UPDATE.subject: expected}


def test_another_update_of_the_object_or_the_first_one_is_no_repetition() -> None:
    """Nor is one whose first attempt was refused."""
    other = replace(UPDATE, changes=(Change("metadata.labels.tier", None, "x"),))
    for done, planned in ((other, UPDATE), (action(Verb.UPDATE, "q"), UPDATE)):
        written = _written(Response(done, Result.DONE))
        written.compare(plan_of(planned), world())
        assert written.undone == {}
    refused = _written(Response(UPDATE, Result.REFUSED))
    refused.compare(plan_of(UPDATE), world())
    assert refused.undone == {}


@pytest.mark.parametrize("end", [DELETE, DOOM], ids=["deleted", "chosen to go"])
def test_what_was_created_without_a_mark_that_was_sent_is_told(end: Action) -> None:
    """A webhook took it away; without it the Pod looks as if it were made from another template."""
    made, written = _made({SET_BY_OWNER: "{}", "their/own": "x"})
    written.compare(plan_of(end), world(made))
    assert written.undone == {
        end.subject: f"Pod default/w was created with the annotation {TEMPLATE_HASH}, "
        "and something, such as a webhook, took it away"
    }


@pytest.mark.parametrize("annotations", [MARKS, {TEMPLATE_HASH: "new", SET_BY_OWNER: "{}"}], ids=["all", "all of ours"])
def test_what_goes_with_all_our_marks_goes_for_another_reason(annotations: dict[str, str]) -> None:
    """Annotations of others are theirs to take away."""
    made, written = _made(annotations)
    written.compare(plan_of(DELETE), world(made))
    assert written.undone == {}


def test_only_what_this_pass_created_is_looked_at() -> None:
    """A Pod that lost a mark long ago, or is gone already, or was there before, goes without a word."""
    lost, written = _made({})
    written.compare(plan_of(replace(DELETE, uid="older-uid")), world(lost))
    written.compare(plan_of(DELETE), world())
    assert written.undone == {}
    unlearned = _written(Response(CREATE, Result.DONE, objects={}), Response(CREATE, Result.CONFLICT))
    unlearned.compare(plan_of(DELETE), world(lost))
    assert unlearned.undone == {}
