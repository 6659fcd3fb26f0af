"""Quantities as Kubernetes writes them: `100m` of a CPU, `1.5Gi` of memory."""

import re
from decimal import Decimal

from reconciler.wire.wording import shown

SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
LARGEST = Decimal(2**63 - 1)
"""What Kubernetes cuts everything above to."""

# Without a digit after it, E is a suffix; with one it begins an exponent.
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,4})|([A-Za-z]*))")


def quantity(value: str | float) -> Decimal:
    """What a quantity comes to.

    Args:
        value: As it stands in a manifest; YAML reads `2` and `0.5` as numbers.

    Raises:
        ValueError: it is no quantity; the message says what one looks like.
    """
    parts = _QUANTITY.fullmatch(str(value))
    if parts is None or (parts[3] or "") not in SUFFIXES:
        raise ValueError(f"{shown(value)} is no quantity; write one such as 2, 500m or 1.5Gi")
    number, exponent, suffix = parts.groups()
    amount = Decimal(f"{number}e{exponent or 0}") * SUFFIXES[suffix or ""]
    return max(-LARGEST, min(amount, LARGEST))
