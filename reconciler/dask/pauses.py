"""How often a scheduler is asked, and how long its silence is waited for: pure functions of what is known of it."""

from models.idle_state import IdleState
from models.scheduler_answer import SchedulerAnswer
from reconciler.rules.idleness import next_idle_question
from reconciler.rules.questions import Question

URGENT_SECONDS = 1.0
"""How often a scheduler is asked for whose answer something waits."""
SHARE, LONGEST_URGENT_SECONDS = 10, 5.0
"""It is asked less often the longer it takes to answer: after so many times that, or so long at most."""
UNCHANGED_SHARE, LONGEST_UNCHANGED_SECONDS = 10, 30.0
"""It is asked less often the longer nothing changes, neither in what is asked nor in what is told: after a tenth of
that time, or so long at most, and no longer than above while workers go. A cluster that never settles, such as for want
of a node, costs little."""
ADAPTING_SECONDS = 2.0
"""How often a scheduler is asked how many workers it would like to have."""
QUIET_SECONDS = 120.0
"""How often any other, and all else."""
LONGEST_PAUSE_SECONDS = 300.0
"""The longest pause after a question that was not answered. It is a second until the scheduler counts as silent, and
then as long as it has been so."""
SILENT_SECONDS, NEVER_HEARD_SECONDS = 30.0, 8.0
"""After so long without an answer others decide without it; the second is for one that has never answered."""


def pause_of_silence(failing: float, *, is_silent: bool) -> float:
    """How long until one is asked again that has not answered for so long."""
    return max(URGENT_SECONDS, min(failing, LONGEST_PAUSE_SECONDS) if is_silent else 0.0)


def pause_for_targets(took: float) -> float:
    """How long until one that took so long to answer is asked again how many workers it would like to have."""
    return min(max(ADAPTING_SECONDS, SHARE * took), LONGEST_URGENT_SECONDS)


def pause_for_all(question: Question, idle: IdleState | None, took: float, unchanged: float) -> float:
    """How long until one is asked again all that there is to ask.

    Args:
        question: What it is asked.
        idle: Whether it is idle, if that is asked.
        took: How long it took to answer.
        unchanged: For how long neither the question nor the answer has changed.
    """
    idle_seconds = next_idle_question(idle)
    if not question.is_urgent:
        return min(QUIET_SECONDS, idle_seconds)
    urgent = min(max(URGENT_SECONDS, SHARE * took), LONGEST_URGENT_SECONDS)
    longest = LONGEST_URGENT_SECONDS if question.lets_go else LONGEST_UNCHANGED_SECONDS
    return max(urgent, min(unchanged / UNCHANGED_SHARE, longest, idle_seconds))


def patience(before: SchedulerAnswer) -> float:
    """After how long without an answer one that has told this before counts as silent."""
    return NEVER_HEARD_SECONDS if before.at is None else SILENT_SECONDS
