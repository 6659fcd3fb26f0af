"""Names with placeholders: filled in so that a DaskCluster can be called so."""

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster.name_template import fill_in
from kubecluster.names import LONGEST_CLUSTER_NAME, Naming, cluster_names, longest_name

UUID = "0123456789"
DEFAULT = "dask-{user}-{uuid}"


def filled(template: str, user: str = "jane", longest: int = LONGEST_CLUSTER_NAME, **variables: str) -> str:
    return fill_in(template, {**variables, "user": user, "uuid": UUID}, longest)


@pytest.mark.parametrize(
    ("user", "cleaned"),
    [
        ("jane", "jane"),
        ("John.Doe", "john-doe"),
        ("john_doe", "john-doe"),
        ("DOMAIN\\john", "domain-john"),
        ("jane@example.org", "jane-example-org"),
        ("--jane--", "jane"),
        ("josé", "jose"),
        ("1000", "1000"),
    ],
)
def test_a_users_name_is_cleaned(user: str, cleaned: str) -> None:
    """Upper case, dots, underscores and accents, at which dask-kubernetes fails, become what a name may have."""
    assert filled(DEFAULT, user) == f"dask-{cleaned}-{UUID}"


def test_a_users_name_without_a_latin_letter_becomes_a_hash() -> None:
    """Two such users keep two names."""
    one, other = filled("dask-{user}", "用户"), filled("dask-{user}", "пользователь")
    assert one != other
    assert one.removeprefix("dask-").isalnum()


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("plain", "plain"),
        ("My.Name", "My.Name"),
        ("{{x}}", "{x}"),
        ("{user}-{user}", "jane-jane"),
        ("{uuid:.4}", "0123"),
        ("dask-{HUB_USER}-{uuid}", f"dask-jane-doe-{UUID}"),
    ],
)
def test_placeholders_are_filled_in_and_the_rest_stays(template: str, name: str) -> None:
    """Users, numbers and environment variables are filled in; what a person wrote is not corrected."""
    assert filled(template, HUB_USER="Jane.Doe") == name


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("dask-{usr}", r"nothing is called 'usr'; \{user\}, \{uuid\} and environment .*; did you mean 'user'\?"),
        ("dask-{NO_SUCH_VARIABLE}", "nothing is called 'NO_SUCH_VARIABLE'"),
        ("dask-{}", "nothing is called ''"),
        ("dask-{0}", "nothing is called '0'"),
        ("dask-{user.upper}", "nothing is called 'user.upper'"),
        ("dask-{user", "'dask-{user': expected '}' before end of string; a brace that means itself is written twice"),
    ],
)
def test_a_placeholder_that_there_is_not_is_refused(template: str, message: str) -> None:
    """The error shows the name as it was written, and what can be filled in."""
    with pytest.raises(ValueError, match=message):
        filled(template)


@given(st.text(), st.sampled_from(Naming))
def test_the_usual_name_is_valid_whoever_the_user_is(user: str, naming: Naming) -> None:
    """Whatever a user is called, a DaskCluster can be named after that."""
    name = filled(DEFAULT, user, longest_name(naming))
    assert cluster_names(naming, name).cluster.startswith("dask-")
    assert UUID in name


@given(
    st.text(ascii_lowercase, min_size=40), st.text(ascii_lowercase, min_size=1), st.text(ascii_lowercase, min_size=1)
)
def test_long_names_that_are_cut_stay_apart(start: str, one: str, other: str) -> None:
    """Two users whose names begin alike do not end up in one cluster, even where no number tells them apart."""
    names = {filled("{user}", start + end, 20) for end in (one, other)}
    assert len(names) == len({one, other})
    assert {len(name) for name in names} == {20}


def test_several_long_values_share_the_room() -> None:
    """Each is cut to the same length, and the number stays whole."""
    name = filled("{user}-{HOST}-{uuid}", "u" * 40, 45, HOST="h" * 40)
    user, user_hash, host, host_hash, uuid = name.split("-")
    assert (len(name), uuid) == (44, UUID)
    assert (set(user), set(host)) == ({"u"}, {"h"})
    assert len(user_hash) == len(host_hash) == 5


def test_a_name_that_cannot_be_cut_enough_stays_too_long() -> None:
    """What a person wrote is not cut: the error about the name's length is to show it."""
    written = "a" * 60
    assert filled(written) == written
    assert filled(f"{written}-{{user}}", "j" * 50).startswith(f"{written}-jj-")
