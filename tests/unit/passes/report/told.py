"""What a report says of a world, and the world that it leaves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from models.base import Condition, find_condition
from models.kinds import EVENT, Key
from models.resources import DaskWorkerGroup
from models.snapshot import Observed, Owner, Snapshot
from reconciler.passes.report import View, report, report_others
from reconciler.passes.values import Action, Body, Finding, Response, Verb
from reconciler.rules.reasons import Reason
from tests.builders import NOON

LATER = datetime(2026, 1, 31, 13, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """What a report says.

    Args:
        world: The world in which its statuses are written.
        actions: The report.
    """

    world: Snapshot
    actions: tuple[Action, ...]

    @property
    def statuses(self) -> dict[Key, Body]:
        """The statuses that are written, by resource."""
        return {action.key: action.body["status"] for action in self.actions if action.verb is Verb.REPORT}

    @property
    def events(self) -> dict[str, str]:
        """The Events' messages, by reason."""
        bodies = (action.body for action in self.actions if action.key.kind == EVENT)
        return {body["reason"]: body["message"] for body in bodies}

    def condition(self, resource: Owner, type_: str) -> Condition:
        """A resource's condition after the report."""
        found = self.world.objects[resource.key]
        assert isinstance(found, Owner)
        condition = find_condition(found.status.conditions, type_)
        assert condition is not None, f"{resource.key} has no condition {type_}"
        return condition


def told(
    now_there: Snapshot,
    *,
    before: Snapshot | None = None,
    findings: Iterable[Finding] = (),
    responses: Iterable[Response] = (),
    at: datetime = NOON,
) -> Told:
    """The report on a world, and the world with the report's statuses in it."""
    by_owner: dict[Key, tuple[Finding, ...]] = {}
    for finding in findings:
        by_owner[finding.about] = (*by_owner.get(finding.about, ()), finding)
    view = View(now_there, before or now_there, by_owner, tuple(responses), at)
    owners = (one for one in now_there.objects.values() if isinstance(one, Owner))
    actions = (*report(view, owners), *report_others(view))
    return Told(written(now_there, actions), actions)


def written(there: Snapshot, actions: Iterable[Action]) -> Snapshot:
    """The world after the reports among the actions were applied."""
    news: dict[Key, Observed | None] = {}
    for action in actions:
        present = there.objects.get(action.key)
        if action.verb is Verb.REPORT and isinstance(present, Owner):
            kept = {name: value for name, value in present.status.wire().items() if name == "decisions"}
            status = type(present.status).model_validate({**kept, **action.body["status"]})
            news[action.key] = present.model_copy(update={"status": status})
    return there.fold(news)


def finding(about: Owner, reason: Reason, message: str = "something is wrong") -> Finding:
    return Finding(about.key, reason, message)


def with_decision(one: Observed, let_go: int) -> Observed:
    """A group with the decision to let so many ready workers go; anything else as it is."""
    if not isinstance(one, DaskWorkerGroup):
        return one
    decisions = one.status.decisions.model_copy(update={"released": let_go})
    return one.model_copy(update={"status": one.status.model_copy(update={"decisions": decisions})})
