"""Names: both naming sets, and the bounds that Kubernetes sets them."""

import pytest

from models.rules import LONGEST_CLUSTER_NAME
from reconciler.rules import names
from reconciler.rules.names import Naming


@pytest.mark.parametrize(
    ("naming", "service", "group", "cluster"),
    [
        (Naming.CLASSIC, "simple-service", "simple-default-worker-group", "train-cluster"),
        (Naming.CURRENT, "simple-scheduler", "simple-default", "train"),
    ],
)
def test_each_naming_set_names_what_it_promises(naming: Naming, service: str, group: str, cluster: str) -> None:
    """`classic` names objects as the documents show them, `current` as dask-kubernetes has since 2023."""
    assert names.user_service(naming, "simple") == service
    assert names.default_group(naming, "simple") == group
    assert names.job_cluster(naming, "train") == cluster


def test_both_naming_sets_share_what_clients_and_people_look_for() -> None:
    """Scheduler Pod, the Service that clients use, and runner Pod are called the same under both."""
    assert names.scheduler_pod("simple") == "simple-scheduler"
    assert names.comm_service("simple") == "simple-scheduler"
    assert names.job_runner("train") == "train-runner"


def test_a_workers_name_follows_from_its_groups_uid_and_ordinal_alone() -> None:
    """Whoever works a worker's name out gets the same, and no other worker has it."""
    name = names.worker("simple", "uid", 1)
    assert name == names.worker("simple", "uid", 1)
    prefix, _, digits = name.rpartition("-worker-")
    assert (prefix, len(digits)) == ("simple", 10)
    assert int(digits, 16) >= 0
    others = {names.worker("simple", uid, ordinal) for uid in ("uid", "another") for ordinal in range(500)}
    assert len(others) == 1000


def test_a_uid_and_an_ordinal_are_not_mixed_up() -> None:
    """A uid that ends in a digit, with its ordinal, makes another name than a shorter uid with a longer one."""
    assert names.worker("simple", "uid1", 1) != names.worker("simple", "uid", 11)


def test_the_replacement_of_a_stuck_pod_is_told_from_it_by_five_hex_digits() -> None:
    """The name follows from the stuck Pod's uid, so that two reconcilers choose the same."""
    name = names.replacement("simple-scheduler", "stuck-uid")
    assert name == names.replacement("simple-scheduler", "stuck-uid")
    assert name != names.replacement("simple-scheduler", "another-uid")
    assert name.startswith("simple-scheduler-")
    assert len(name) == len("simple-scheduler-") + 5


@pytest.mark.parametrize("length", [1, 62, 63])
def test_a_name_that_fits_is_its_own_label_value(length: int) -> None:
    """A label's value has 63 characters at most."""
    assert names.label_value("g" * length) == "g" * length


@pytest.mark.parametrize("name", ["g" * 64, "g" * 235, "g" * 51 + "-" * 5 + "g" * 20, "g" * 51 + "." + "h" * 20])
def test_a_longer_name_is_shortened_to_a_valid_label_value(name: str) -> None:
    """The value stays within 63 characters and has no separator where the name was cut."""
    value = names.label_value(name)
    assert len(value) <= 63
    head, _, digest = value.rpartition("-")
    assert head[-1].isalnum()
    assert len(digest) == 10


def test_two_long_names_with_the_same_beginning_keep_different_label_values() -> None:
    """The hash tells them apart."""
    assert names.label_value("g" * 100 + "a") != names.label_value("g" * 100 + "b")


@pytest.mark.parametrize("name", ["a", "simple", "a1-b2", "a" * 53])
def test_names_that_services_can_have_are_accepted(name: str) -> None:
    """A cluster's name is a DNS label with room for `-scheduler`."""
    assert names.cluster_name_error(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a" * 54, "has 54 characters; 53 is the most"),
        ("a.b", "lower-case letters, digits and '-'"),
        ("1a", "start with a letter"),
        ("a-", "end with a letter or digit"),
        ("A", "lower-case"),
        ("", "start with a letter"),
    ],
)
def test_other_names_are_refused_with_the_remedy(name: str, why: str) -> None:
    """The error says what is wrong and to choose another name."""
    error = names.cluster_name_error(name)
    assert error is not None
    assert why in error
    assert "choose" in error


def test_every_name_made_for_the_longest_cluster_fits() -> None:
    """Services and Pods named after the longest possible cluster stay within their limits."""
    cluster = "a" * LONGEST_CLUSTER_NAME
    for naming in Naming:
        assert len(names.user_service(naming, cluster)) <= 63
        group = names.default_group(naming, cluster)
        assert len(names.worker(group, "uid", 10**9)) <= 253
    assert len(names.comm_service(cluster)) <= 63
