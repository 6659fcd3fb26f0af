"""Whose turn it is to write: each tree has a lane.

The lanes take turns, so that no cluster waits for another's thousand Pods. A lane begins with one write at a time; each
success allows one more, so that what is refused is refused a few times and not a thousand. A record is written alone in
its lane: what follows from it is sent when it stands. When all of a lane's writes are answered, whoever planned them is
asked what follows from the answers, and the lane goes on.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.kinds import Key
from reconciler.passes.values import Action, Response, Result, Subject, Verb

TURN = 32
"""How many writes a tree makes before it is another's turn."""

_RECORDS = (Verb.RECORD, Verb.REPORT)
"""What is written alone in its lane: decisions, and statuses before the Events that tell of them."""
_ENDS_TREE = (Result.CONFLICT, Result.UNAVAILABLE, Result.UNKNOWN)


def namespaces_in_turn(trees: Iterable[Key]) -> list[Key]:
    """The trees, the first of each namespace before the second of any, and otherwise in the same order.

    Whoever creates a cluster waits for none of the thousand that someone creates in another namespace.
    """
    before: Counter[str] = Counter()
    ranks: dict[Key, int] = {}
    for tree in trees:
        ranks[tree] = before[tree.namespace]
        before[tree.namespace] += 1
    return sorted(ranks, key=ranks.__getitem__)


def is_occupied(response: Response) -> bool:
    """Whether a create found the name taken by someone else's object: that is known now, and no reason to stop."""
    is_create = response.action.verb is Verb.CREATE
    return is_create and response.result is Result.CONFLICT and response.objects.get(response.action.key) is not None


def ends_tree(response: Response) -> bool:
    """Whether nothing more may be written for the tree in this pass."""
    return response.result in _ENDS_TREE and not is_occupied(response)


class Lanes:
    """Every tree's writes, and whose turn it is.

    A few lanes are open at a time, each for so many writes, and then others. So a small tree is done in one turn,
    which matters when time is up before all are: what is begun everywhere is finished nowhere.
    """

    def __init__(self) -> None:
        self._of: dict[Key, _Lane] = {}
        self._waiting: deque[_Lane] = deque()
        self._open: deque[_Lane] = deque()
        self._in_hand: set[Key] = set()
        self.through: list[_Lane] = []

    def add(self, actions: Iterable[Action]) -> None:
        """Take in further writes; those of a tree that is through go on where it was."""
        for action in actions:
            lane = self._of.setdefault(action.tree, _Lane())
            if not lane.queue:
                lane.begin()
            lane.queue.append(action)
            self._in_hand.add(action.tree)
            self._list(lane)

    def take_through(self) -> list[Response]:
        """The answers of the lanes whose writes are all answered."""
        lanes, self.through = self.through, []
        answers = [response for lane in lanes for response in lane.take_answers()]
        self._in_hand.difference_update(response.action.tree for response in answers)
        return answers

    @property
    def in_hand(self) -> int:
        """How many trees have something to write, or wait for an answer."""
        return len(self._in_hand)

    def next(self) -> Action | None:
        """The next write; `None` if every lane is empty or waits for an answer."""
        for lanes in (self._open, self._waiting):
            for _ in range(len(lanes)):
                action = self._take(lanes.popleft())
                if action is not None:
                    return action
        return None

    def _take(self, lane: "_Lane") -> Action | None:
        """The next write of a lane, which stays open while it has a turn left."""
        lane.is_listed = False
        action = lane.next()
        if lane.queue:
            self._list(lane)
        return action

    def _list(self, lane: "_Lane") -> None:
        """Let a lane have its turn, or the rest of it."""
        if lane.is_listed:
            return
        lane.is_listed = True
        if 0 < lane.turn < TURN:
            self._open.append(lane)
        else:
            lane.turn = TURN
            self._waiting.append(lane)

    def note(self, response: Response) -> None:
        """Learn from an answer."""
        lane = self._of[response.action.tree]
        lane.note(response)
        if lane.is_through():
            self.through.append(lane)


@dataclass(slots=True)
class _Lane:
    """One tree's writes, in order."""

    queue: deque[Action] = field(default_factory=deque)
    turn: int = TURN
    outstanding: int = 0
    window: int = 1
    is_recording: bool = False
    is_listed: bool = False
    unrecorded: set[Key] = field(default_factory=set)
    refused: set[Subject] = field(default_factory=set)
    answers: list[Response] = field(default_factory=list)

    def begin(self) -> None:
        """Begin with writes that follow from all answers until now."""
        self.window = 1
        self.unrecorded.clear()
        self.refused.clear()

    def take_answers(self) -> list[Response]:
        """The answers since the last time."""
        answers, self.answers = self.answers, []
        return answers

    def is_through(self) -> bool:
        """Whether all writes are answered or dropped."""
        return self._head() is None and not self.outstanding

    def _head(self) -> Action | None:
        """The first write that is not dropped."""
        while self.queue:
            action = self.queue[0]
            if action.subject not in self.refused and not (action.after_record and action.owner in self.unrecorded):
                return action
            self.queue.popleft()
        return None

    def next(self) -> Action | None:
        """The write to begin now, if one may begin."""
        if self.outstanding >= self.window or self.is_recording or (action := self._head()) is None:
            return None
        is_record = action.verb in _RECORDS
        if is_record and self.outstanding:
            return None
        self.is_recording = is_record
        self.outstanding += 1
        self.turn -= 1
        return self.queue.popleft()

    def note(self, response: Response) -> None:
        """Learn from an answer: to send more at a time, or what not to send any more."""
        self.outstanding -= 1
        self.answers.append(response)
        is_record = response.action.verb in _RECORDS
        self.is_recording = self.is_recording and not is_record
        if response.result is Result.DONE:
            self.window += 1
        elif ends_tree(response):
            self.queue.clear()
        else:
            self.refused.add(response.action.subject)
            if is_record:
                self.unrecorded.add(response.action.owner)
