"""Quantities: what Kubernetes reads in `100m` and `1.5Gi`."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.quantities import LARGEST, SUFFIXES, quantity


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        ("2", 2),
        ("100m", "0.1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("5.", 5),
        ("1.5Gi", 1610612736),
        ("512M", 512_000_000),
        ("64k", 64_000),
        ("1Ki", 1024),
        ("4e9", 4_000_000_000),
        ("4E9", 4_000_000_000),
        ("1e-3", "0.001"),
        ("1E", 10**18),
        ("1Ei", 2**60),
        ("7u", "0.000007"),
        ("7n", "0.000000007"),
        ("-1", -1),
        ("+1", 1),
        ("0", 0),
        (2, 2),
        (0.5, "0.5"),
        (0.1, "0.1"),
        (4e20, LARGEST),
        ("9999Ei", LARGEST),
        ("1e9999", LARGEST),
    ],
)
def test_a_quantity_comes_to_what_kubernetes_makes_of_it(given: str | float, amount: str | int | Decimal) -> None:
    """Decimal and binary suffixes, exponents, numbers of YAML; what is too large to count is cut."""
    assert quantity(given) == Decimal(amount)


@pytest.mark.parametrize(
    "given",
    ["", "G", "1.2.3", "1 Gi", "1GB", "1gi", "1K", "1e", "1e5m", "0x10", "1_000", "\N{ARABIC-INDIC DIGIT ONE}", "--1"],
)
def test_what_is_no_quantity_is_said_to_be_none(given: str) -> None:
    """The message shows the value and what one looks like."""
    with pytest.raises(ValueError, match=r"is no quantity; write one such as 2, 500m or 1\.5Gi") as caught:
        quantity(given)
    assert given in str(caught.value)


@pytest.mark.parametrize("given", [True, float("nan"), float("inf")])
def test_truth_and_what_is_no_number_are_no_quantities(given: float) -> None:
    """Python takes `True` for 1; Kubernetes does not."""
    with pytest.raises(ValueError, match="is no quantity"):
        quantity(given)


@given(st.integers(0, 10**6), st.sampled_from(sorted(SUFFIXES)))
def test_a_suffix_multiplies(number: int, suffix: str) -> None:
    """A number with a suffix is as many times what one of it is."""
    assert quantity(f"{number}{suffix}") == min(number * quantity(f"1{suffix}"), LARGEST)
