"""Whether a scheduler has nothing to do, as it told when it was last asked, and for how long by then.

    BUSY ── a tenth of the timeout ──► IDLE ── three quarters ──► ENDING ── all of it ──► OVER
      ▲                                 │                           │                      │
      └──────────────── it has something to do, or a Client has connected ─────────────────┘

What is shorter than a tenth is not worth a write. While it is not known, it is UNKNOWN, and nothing comes of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from models.status import Idle

IDLE_SHARE, ENDING_SHARE = 0.1, 0.75
"""The shares of the timeout after which a scheduler counts as idle, and its end is announced."""
LONGEST_UNSEEN = timedelta(seconds=30)
"""Releases that have no word for the time since which they are idle may have worked while they were not asked: they go
on being idle only if they were asked so long ago at most, or a quarter of the timeout."""


class Stage(Enum):
    """How far a scheduler has come on the way to its idle timeout."""

    BUSY = "busy"
    IDLE = "idle"
    ENDING = "ending"
    OVER = "over"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class IdleQuestion:
    """How a scheduler is asked whether it is idle.

    Args:
        timeout_seconds: For how long it may be.
        counts_clients: Whether it is not while a Client is connected.
        port: Where its dashboard listens, which alone tells of clients.
        known: Since when it was idle before the reconciler started.
    """

    timeout_seconds: int
    counts_clients: bool = False
    port: int = 8787
    known: Idle | None = None

    def is_as(self, other: "IdleQuestion | None") -> bool:
        """Whether the other asks for the same."""
        return other is not None and replace(other, known=self.known) == self


@dataclass(frozen=True, slots=True)
class IdleState:
    """Whether a scheduler has nothing to do.

    Args:
        is_idle: Whether it had nothing to do when it was asked, nor, where that counts, a Client.
        mark: Its own word for the time since which it is idle; `None` where its release has none.
        clients: How many Clients were connected; `None` where nobody asked.
        error: Why it is not known.
        since: When it was first seen idle.
        seen: When it last told.
        asked: What it was asked.
    """

    is_idle: bool = False
    mark: str | None = None
    clients: int | None = None
    error: str = ""
    since: datetime | None = None
    seen: datetime | None = None
    asked: IdleQuestion = IdleQuestion(0)

    def at(self, now: datetime, before: "IdleState | None", asked: IdleQuestion) -> "IdleState":
        """The same, with the time, and since when it is so.

        Args:
            now: When it was asked.
            before: What it told before.
            asked: What it was asked.
        """
        if self.error:
            return replace(before or self, error=self.error, asked=asked)
        since = self._since(now, before, asked) if self.is_idle else None
        return replace(self, since=since, seen=now, asked=asked)

    def _since(self, now: datetime, before: "IdleState | None", asked: IdleQuestion) -> datetime:
        if before is None or before.seen is None:
            known = asked.known
            return min(known.since, now) if known is not None and self.mark and known.mark == self.mark else now
        if before.since is None or before.mark != self.mark:
            return now
        most = max(LONGEST_UNSEEN, timedelta(seconds=asked.timeout_seconds / 4))
        is_gapless = self.mark is not None or (not before.error and now - before.seen <= most)
        return min(before.since, now) if is_gapless else now

    @property
    def stage(self) -> Stage:
        """How far it had come when it was last asked."""
        if self.error or self.seen is None:
            return Stage.UNKNOWN
        if self.since is None:
            return Stage.BUSY
        passed, timeout = self.seen - self.since, timedelta(seconds=self.asked.timeout_seconds)
        if passed >= timeout:
            return Stage.OVER
        if passed >= ENDING_SHARE * timeout:
            return Stage.ENDING
        return Stage.IDLE if passed >= IDLE_SHARE * timeout else Stage.BUSY
