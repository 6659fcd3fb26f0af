"""What a report is worked out from: the world after a pass, the world before it, and what happened in between."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from models.kinds import Key, Kind
from models.snapshot import Owner, Snapshot, Unreadable
from models.status import Status
from reconciler.passes.values import Finding, Response, Result, Verb


@dataclass(frozen=True)
class View:
    """What a report is worked out from.

    Args:
        snapshot: The world as the pass left it.
        previous: The world as the pass found it.
        findings: What conditions must say, by resource.
        responses: How the pass's writes ended.
        now: The time of what is seen now.
    """

    snapshot: Snapshot
    previous: Snapshot
    findings: Mapping[Key, tuple[Finding, ...]]
    responses: Sequence[Response]
    now: datetime

    @cached_property
    def _responses(self) -> Mapping[Key, tuple[Response, ...]]:
        """By owner, in an order that does not depend on which answer came first."""
        found: dict[Key, list[Response]] = {}
        for response in sorted(self.responses, key=lambda response: response.action.key):
            found.setdefault(response.action.owner, []).append(response)
        return {owner: tuple(responses) for owner, responses in found.items()}

    @cached_property
    def unreadable(self) -> Mapping[str, Unreadable]:
        """Something that could not be read, by the uid that it belongs to."""
        items = sorted(self.snapshot.unreadable.values(), key=lambda item: item.key, reverse=True)
        return {uid: item for item in items for uid in item.owner_uids}

    def findings_of(self, owner: Owner) -> tuple[Finding, ...]:
        """What the resource's conditions must say."""
        return self.findings.get(owner.key, ())

    def responses_of(self, owner: Owner, verbs: Iterable[Verb], results: Iterable[Result]) -> tuple[Response, ...]:
        """How the writes on behalf of a resource ended: those of certain verbs with certain results."""
        verbs, results = frozenset(verbs), frozenset(results)
        return tuple(
            response
            for response in self._responses.get(owner.key, ())
            if response.action.verb in verbs and response.result in results
        )

    def done(self, owner: Owner, verb: Verb, kind: Kind) -> tuple[Key, ...]:
        """The objects of that kind that were created or deleted on behalf of a resource."""
        done = self.responses_of(owner, (verb,), (Result.DONE,))
        keys = (response.action.key for response in done if not response.was_there)
        return tuple(key for key in keys if key.kind == kind)

    def status_before(self, resource: Owner) -> Status:
        """The resource's status as the pass found it; an empty one if the resource is new."""
        found = self.previous.objects.get(resource.key)
        if not isinstance(found, Owner) or found.metadata.uid != resource.metadata.uid:
            return type(resource.status)()
        return found.status
