"""The client's names: the same as the reconciler's, under both naming sets."""

import subprocess
import sys
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubecluster import names
from kubecluster.names import ClusterNames, Naming, candidates, cluster_names
from models import kinds, rules
from models.status import Phase
from reconciler.passes.report.which_events import ASKED_BY
from reconciler.rules import labels, reason_facts
from reconciler.rules import names as reconcilers
from reconciler.rules.reasons import Reason

NAMES = st.text(st.sampled_from("ab-1._Aé"), max_size=60) | st.from_regex("[a-z][-a-z0-9]{0,60}", fullmatch=True)
VALID_NAMES = st.from_regex("[a-z]([-a-z0-9]{0,43}[a-z0-9])?", fullmatch=True)
EVERY_NAMING = st.sampled_from(Naming)


def members(enum: type[StrEnum]) -> dict[str, str]:
    return {each.name: each.value for each in enum}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (names.CLUSTER_NAME, labels.CLUSTER_NAME),
        (names.COMPONENT, labels.COMPONENT),
        (names.WORKER_GROUP_NAME, labels.WORKER_GROUP_NAME),
        (names.ROLE, labels.ROLE),
        (names.NAMING, labels.NAMING),
        (names.OWNER_SEEN, labels.OWNER_SEEN),
        (names.OWNER_TIMEOUT_SECONDS, labels.OWNER_TIMEOUT_SECONDS),
        (names.GROUP, kinds.GROUP),
        (names.VERSION, kinds.VERSION),
        (names.LONGEST_CLUSTER_NAME, rules.LONGEST_CLUSTER_NAME),
        (names.LONGEST_GROUP_NAME, rules.LONGEST_GROUP_NAME),
        (names.LONGEST_LABEL_VALUE, reconcilers.LONGEST_LABEL_VALUE),
        (members(names.Naming), members(reconcilers.Naming)),
        (members(names.Component), members(labels.Component)),
        (names.DEFAULT_GROUP_ROLE, labels.Role.DEFAULT_GROUP),
        (members(names.Phase), members(Phase)),
        (members(names.EndReason), {one.name: str(one) for one in ASKED_BY}),
    ],
)
def test_what_the_client_reads_is_what_the_reconciler_writes(ours: object, theirs: object) -> None:
    """Labels, annotations, limits, conditions and their reasons are the reconciler's."""
    assert ours == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"), [(names.ConditionType, reason_facts.ConditionType), (names.Reason, Reason)]
)
def test_conditions_and_reasons_that_the_client_reads_are_the_reconcilers(
    ours: type[StrEnum], theirs: type[StrEnum]
) -> None:
    """It reads some of them only; the others mean no more to it than their messages say."""
    assert members(ours).items() <= members(theirs).items()


@pytest.mark.parametrize("name", ["DASK_CLUSTER", "DASK_WORKER_GROUP", "DASK_JOB", "DASK_AUTOSCALER", "POD", "SERVICE"])
def test_kinds_are_the_reconcilers(name: str) -> None:
    """Group, version, kind and plural of each kind are the same."""
    ours, theirs = getattr(names, name), getattr(kinds, name)
    assert (ours.group, ours.version, ours.name, ours.plural) == (
        theirs.group,
        theirs.version,
        theirs.name,
        theirs.plural,
    )
    assert ours.api_version == theirs.api_version


@given(EVERY_NAMING, VALID_NAMES)
def test_a_clusters_objects_are_called_as_the_reconciler_calls_them(naming: Naming, cluster: str) -> None:
    """Services and default group have the reconciler's names."""
    ours, theirs = ClusterNames(naming, cluster), reconcilers.Naming(naming)
    assert ours.user_service == reconcilers.user_service(theirs, cluster)
    assert ours.comm_service == reconcilers.comm_service(cluster)
    assert ours.default_group == ours.group() == reconcilers.default_group(theirs, cluster)


@given(NAMES)
def test_a_name_is_refused_by_both_in_the_same_words(name: str) -> None:
    """The client and the reconciler agree on what a DaskCluster can be called."""
    assert names.cluster_name_error(name) == reconcilers.cluster_name_error(name)


@given(st.text(st.sampled_from("ab-."), max_size=250))
def test_label_values_are_the_reconcilers(name: str) -> None:
    """A long name is shortened to the same label value, by which its Pods are found."""
    assert names.label_value(name) == reconcilers.label_value(name)


@pytest.mark.parametrize(
    ("naming", "name", "cluster", "service", "group"),
    [
        (
            Naming.CLASSIC,
            "rapids-dask",
            "rapids-dask-cluster",
            "rapids-dask-cluster-service",
            "rapids-dask-cluster-default-worker-group",
        ),
        (Naming.CURRENT, "rapids-dask", "rapids-dask", "rapids-dask-scheduler", "rapids-dask-default"),
        (
            Naming.CLASSIC,
            "rapids-dask-cluster",
            "rapids-dask-cluster",
            "rapids-dask-cluster-service",
            "rapids-dask-cluster-default-worker-group",
        ),
        (Naming.CURRENT, "a-cluster", "a-cluster", "a-cluster-scheduler", "a-cluster-default"),
        (
            Naming.CLASSIC,
            "cluster",
            "cluster-cluster",
            "cluster-cluster-service",
            "cluster-cluster-default-worker-group",
        ),
    ],
)
def test_kubecluster_makes_what_the_documents_show(
    naming: Naming, name: str, cluster: str, service: str, group: str
) -> None:
    """Under `classic` the DaskCluster ends in `-cluster`, once; under `current` it has the name itself."""
    made = cluster_names(naming, name)
    assert (made.cluster, made.user_service, made.default_group) == (cluster, service, group)
    assert made.comm_service == f"{cluster}-scheduler"


@pytest.mark.parametrize(
    ("name", "naming", "expected"),
    [
        ("rapids-dask", Naming.CLASSIC, ("rapids-dask-cluster", "rapids-dask")),
        ("rapids-dask", Naming.CURRENT, ("rapids-dask", "rapids-dask-cluster")),
        ("rapids-dask-cluster", Naming.CLASSIC, ("rapids-dask-cluster",)),
        ("rapids-dask-cluster", Naming.CURRENT, ("rapids-dask-cluster",)),
    ],
)
def test_a_name_may_mean_either_cluster(name: str, naming: Naming, expected: tuple[str, ...]) -> None:
    """A cluster is found by the name that it was made with and by its own, its naming set's first."""
    assert candidates(name, naming) == expected


@given(EVERY_NAMING, EVERY_NAMING, VALID_NAMES)
def test_whatever_was_made_is_found_again(made_under: Naming, sought_under: Naming, name: str) -> None:
    """What KubeCluster made is among the candidates, by the given name and by the DaskCluster's own."""
    cluster = cluster_names(made_under, name).cluster
    assert cluster in candidates(name, sought_under)
    assert cluster in candidates(cluster, sought_under)


@given(EVERY_NAMING)
def test_the_longest_name_is_the_longest(naming: Naming) -> None:
    """A name of that length is taken, and one that is longer is not."""
    name = "a" * names.longest_name(naming)
    assert len(cluster_names(naming, name).cluster) == names.LONGEST_CLUSTER_NAME
    with pytest.raises(ValueError, match="53 is the most"):
        cluster_names(naming, f"{name}a")


@pytest.mark.parametrize(
    ("naming", "name", "why"),
    [
        (Naming.CLASSIC, "a" * 46, r"makes a DaskCluster called 'a{46}-cluster': .* has 54 characters; 53 is the most"),
        (Naming.CURRENT, "a" * 54, r"^the name 'a{54}' has 54 characters"),
        (Naming.CLASSIC, "My_Cluster", "lower-case letters, digits and '-'.*choose another"),
        (Naming.CURRENT, "", "start with a letter"),
        (Naming.CLASSIC, "", "start with a letter"),
    ],
)
def test_a_name_that_the_daskcluster_cannot_have_is_refused(naming: Naming, name: str, why: str) -> None:
    """The error shows the DaskCluster's name where it is another than the given one, and says what to do."""
    with pytest.raises(ValueError, match=why):
        cluster_names(naming, name)


@pytest.mark.parametrize(
    ("naming", "group", "expected"),
    [
        (Naming.CLASSIC, "default", "c-default-worker-group"),
        (Naming.CURRENT, "default", "c-default"),
        (Naming.CLASSIC, "high-mem", "c-high-mem"),
        (Naming.CURRENT, "high.mem", "c-high.mem"),
    ],
)
def test_a_worker_group_is_called_after_its_cluster(naming: Naming, group: str, expected: str) -> None:
    """An added group is `<cluster>-<group>`, as in dask-kubernetes; `default` is the cluster's own under both sets."""
    assert ClusterNames(naming, "c").group(group) == expected


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ("High", "'c-High' must consist of lower-case"),
        ("a..b", "choose another"),
        ("", "choose another"),
        ("g" * 234, "has 236 characters; 235 is the most"),
    ],
)
def test_a_worker_group_that_cannot_be_called_so_is_refused(group: str, why: str) -> None:
    """The error shows the group as it was named, and why its DaskWorkerGroup cannot be."""
    with pytest.raises(ValueError, match=why) as refused:
        ClusterNames(Naming.CURRENT, "c").group(group)
    assert str(refused.value).startswith(f"worker group {group!r}: ")


def test_names_manifests_and_options_cost_no_import_of_others() -> None:
    """Neither Dask nor Kubernetes' client, nor the reconciler, is imported for them."""
    program = "import sys, kubecluster.names, kubecluster.specs, kubecluster.options; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "kubecluster" in imported
    assert not imported & {"dask", "distributed", "kubernetes", "yaml", "rich", "models", "reconciler", "pydantic"}
