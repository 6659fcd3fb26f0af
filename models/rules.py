"""What the API server checks beyond types: CEL rules, each attached to the model or field that it belongs to.

A rule's message names the field and the remedy; `kubectl apply` shows it as it stands, and docs/resources.md too.
"""

from collections.abc import Sequence
from typing import Any

RULES = "x-kubernetes-validations"
NAME = ".metadata.name"

LONGEST_CLUSTER_NAME = 53
"""`<cluster>-scheduler` is the longest name of a Service, and a Service's name has 63 characters at most.

A job brings a cluster of its own name or, under classic naming and where there is room, `<job>-cluster`.
"""
LONGEST_GROUP_NAME = 235
"""Workers are Pods called `<group>-worker-<10 digits>`, and a Pod's name has 253 characters at most."""

Rule = dict[str, Any]


def rule(cel: str, message: str, found: Sequence[str] = (), field: str | None = None) -> Rule:
    """A CEL expression over `self` (and `oldSelf`) that must hold, and what to say when it does not.

    Args:
        cel: The expression.
        message: What is to be done, as the API server says it after the field's name.
        found: CEL expressions of the integers to show behind the message.
        field: The field to blame, relative to where the rule stands; that place itself by default.
    """
    written: Rule = {"rule": cel, "message": message}
    if found:
        numbers = " and ".join("%d" for _ in found)
        written["messageExpression"] = f'"{message}; found {numbers}".format([{", ".join(found)}])'
    if field:
        written["fieldPath"] = field
    return written


def on_creation(checked_rule: Rule) -> Rule:
    """A rule for new objects only.

    What cannot be changed must not be checked on updates: an object from before the rule could then not even be rid
    of its finalizers, and would hang in deletion for ever.
    """
    return {**checked_rule, "rule": f"oldSelf.hasValue() || {checked_rule['rule']}", "optionalOldSelf": True}


def checked(*rules: Rule) -> dict[str, Any]:
    """The rules as Pydantic's `json_schema_extra`."""
    return {RULES: list(rules)}


def named_at_most(limit: int, why: str) -> Rule:
    """The rule that a new object's name is no longer than that."""
    size = "self.metadata.name.size()"
    message = f"must be no longer than {limit} characters, because {why}"
    return on_creation(rule(f"{size} <= {limit}", message, found=[size], field=NAME))


def named_without_dots(why: str) -> Rule:
    """The rule that a new object's name is an RFC 1123 label, with no dots."""
    return on_creation(rule("!self.metadata.name.contains('.')", f"must have no dots, because {why}", field=NAME))
