"""Reasons by what follows from them; of several the first counts most."""

from reconciler.rules.reason_facts import ConditionType
from reconciler.rules.reasons import Reason

REASONS_OF_FINDINGS = tuple(reason for reason in Reason if reason.handling.log_level)
"""The reasons that findings have."""
BLOCKING = tuple(reason for reason in Reason if reason.handling.blocks)
UNBUILDABLE = tuple(reason for reason in Reason if reason.handling.unbuildable)
POSTPONING = tuple(reason for reason in REASONS_OF_FINDINGS if reason.types == {ConditionType.PROGRESSING})
"""Those that say why an action is postponed."""
