"""Merge patches do what they say, for any two documents."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.passes.merge_patch import changes, covers, merge_patch

Json = dict[str, Any]
scalars = st.none() | st.integers(2, 9) | st.text("ab", max_size=2)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=3)
)
objects = st.dictionaries(st.text("abc", max_size=1), values, max_size=3)


def apply_patch(target: Any, patch: Any) -> Any:
    """RFC 7386, as it is written there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_patch(result.get(name), value)
    return result


def without_nulls(value: Any) -> Any:
    """Without null fields; those in lists are values."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value


@given(objects, objects)
def test_a_merge_patch_makes_the_one_the_other(old: Json, new: Json) -> None:
    """Applied as RFC 7386 says, the patch brings about what was wanted."""
    assert without_nulls(apply_patch(old, merge_patch(old, new))) == without_nulls(new)


@given(objects)
def test_between_equals_there_is_nothing_to_patch(one: Json) -> None:
    """Nothing to change makes an empty patch."""
    assert merge_patch(one, one) == {}
    assert list(changes(one, merge_patch(one, one))) == []


@given(objects, objects)
def test_a_patch_is_empty_only_between_equals(old: Json, new: Json) -> None:
    """Whatever differs is patched."""
    if not merge_patch(old, new):
        assert without_nulls(old) == without_nulls(new)


@given(objects, objects)
def test_an_object_with_more_fields_covers_one_with_fewer(one: Json, more: Json) -> None:
    """What a server adds to what it was sent makes no difference."""
    grown = {**{f"+{name}": value for name, value in more.items()}, **one}
    assert covers(grown, one)
