"""Manifests' files that are wrong while they are followed."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kinds import DASK_WORKER_GROUP, POD
from tests.manifests import Manifest, cluster, group, pod_spec
from tests.unit.local.followed import FILE, GONE, Followed, supply, texts
from tests.unit.manifests.mistakes import CLUSTER, MISTAKES, placed

MENDED = "note: Nothing is wrong in the files any more."
pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.mark.parametrize(("wrong", "words"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_wrong_is_told_once_and_hides_nothing(wrong: Any, words: str) -> None:
    """A wrong document is told with its place and the remedy, once; its neighbours are made, and it is not."""
    followed = Followed()
    text = wrong if isinstance(wrong, str) else texts(wrong)
    told = followed.reads(f"{text}---\n{texts(cluster('before'))}---\n{texts(cluster('after'))}")
    assert sorted(told) == [
        "made: DaskCluster default/after: made",
        "made: DaskCluster default/before: made",
        f"problem: {FILE}, document 1: {words}",
    ]
    assert followed.keys() == ["DaskCluster default/after", "DaskCluster default/before"]
    assert followed.following.has_problems
    assert followed.reads(f"{text}---\n{texts(cluster('before', replicas=2))}---\n{texts(cluster('after'))}") == [
        "changed: DaskCluster default/before: spec.worker.replicas 1 → 2"
    ]


@pytest.mark.parametrize(("wrong", "words"), MISTAKES.values(), ids=MISTAKES)
def test_while_anything_is_wrong_nothing_is_deleted(wrong: Any, words: str) -> None:
    """Objects whose documents are wrong or gone stay as they were until all is mended; good edits are followed."""
    followed = Followed()
    followed.says(cluster(replicas=2), group(), cluster("gone"), cluster("good"), supply("ConfigMap", "x"))
    text = wrong if isinstance(wrong, str) else texts(wrong)
    before = [followed.body("c"), followed.body("gone"), followed.body("g", DASK_WORKER_GROUP)]
    assert sorted(followed.reads(f"{text}---\n{texts(cluster('good', replicas=3))}")) == [
        "changed: DaskCluster default/good: spec.worker.replicas 1 → 3",
        f"problem: {FILE}, document 1: {words}",
    ]
    assert [followed.body("c"), followed.body("gone"), followed.body("g", DASK_WORKER_GROUP)] == before
    assert len(followed.following.clusters) == 3
    assert list(followed.supplies) == [("ConfigMap", "default", "x")]
    assert followed.says(cluster(replicas=2), cluster("good", replicas=3)) == [
        f"deleted: DaskWorkerGroup default/g: {GONE}",
        f"deleted: DaskCluster default/gone: {GONE}",
        f"deleted: ConfigMap default/x: {GONE}",
        MENDED,
    ]
    assert not followed.following.has_problems


def test_files_that_cannot_be_read_are_told() -> None:
    """Missing, unreadable and foreign files are problems with their path; what can be read is followed."""
    Path("good.yaml").write_text(texts(cluster()))
    Path("loop.yaml").symlink_to("loop.yaml")
    Path("latin.yaml").write_bytes("# größer\n".encode("latin-1"))
    Path("empty").mkdir()
    followed = Followed("missing.yaml", "loop.yaml", "latin.yaml", "empty", "good.yaml")
    told = followed.polled()
    assert told[0] == "problem: missing.yaml: cannot be read: No such file or directory."
    assert told[1].startswith("problem: loop.yaml: cannot be read: Too many levels of symbolic links")
    assert told[2:] == [
        "problem: latin.yaml: is not text in UTF-8: line 1 has the byte 0xf6; save it in UTF-8.",
        "problem: empty: holds no manifests: no file ends in .yaml, .yml, .json.",
        "made: DaskCluster default/c: made",
    ]
    for name in ("missing.yaml", "latin.yaml", "empty/all.yaml"):
        assert followed.reads("# nothing\n", name) == []
    Path("loop.yaml").unlink()
    assert followed.reads("", "loop.yaml") == [MENDED]


@pytest.mark.skipif(os.geteuid() == 0, reason="everything can be read by root")
def test_a_file_without_permission_is_told() -> None:
    """A file that may not be read keeps its objects, and is followed again when it may."""
    followed = Followed()
    followed.says(cluster())
    os.utime(FILE, (0, 0))
    Path(FILE).chmod(0)
    assert followed.polled() == [f"problem: {FILE}: cannot be read: Permission denied."]
    assert followed.keys() == ["DaskCluster default/c"]
    Path(FILE).chmod(0o600)
    assert followed.polled() == [MENDED]


def test_an_object_that_is_there_twice_is_told_with_both_places() -> None:
    """The first of two counts, across files too; ConfigMaps are no exception."""
    Path("a.yaml").write_text(texts(cluster(replicas=2), supply("ConfigMap", "x", data={"a": "1"})))
    Path("b.yaml").write_text(texts(cluster(replicas=3), supply("ConfigMap", "x", data={"a": "2"})))
    followed = Followed("a.yaml", "b.yaml")
    words = "is there twice, first in a.yaml, document"
    assert followed.polled() == [
        f"problem: b.yaml, document 1: {CLUSTER}: {words} 1; remove one.",
        f"problem: b.yaml, document 2: ConfigMap default/x: {words} 2; remove one.",
        "made: ConfigMap default/x: made",
        f"made: {CLUSTER}: made",
    ]
    assert followed.body("c")["spec"]["worker"]["replicas"] == 2
    assert followed.supplies["ConfigMap", "default", "x"].data == {"a": b"1"}


def test_one_name_in_two_namespaces_is_no_duplicate() -> None:
    """Objects are told apart by their namespaces."""
    followed = Followed()
    followed.says(cluster(), placed(cluster(), "ml"), placed(cluster(), "7"))
    assert followed.keys() == ["DaskCluster 7/c", "DaskCluster default/c", "DaskCluster ml/c"]


def test_a_problem_is_told_again_only_when_it_changes() -> None:
    """Each problem is told when it appears; the end of one is told when it was the last."""
    followed = Followed()
    place = f"problem: {FILE}, document 1: {CLUSTER}: spec.worker"
    minimum = "it must be 0 or more."
    assert followed.says(cluster(replicas=-1)) == [f"{place}.replicas is -1; {minimum}"]
    assert followed.says(cluster(replicas=-2)) == [f"{place}.replicas is -2; {minimum}"]
    assert followed.says(cluster(replicas=-2, minReadySeconds=-1)) == [f"{place}.minReadySeconds is -1; {minimum}"]
    assert followed.says(cluster(minReadySeconds=-1)) == []
    assert followed.says(cluster()) == [f"made: {CLUSTER}: made", MENDED]
    assert followed.says(cluster(replicas=-2)) == [f"{place}.replicas is -2; {minimum}"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            group(of="c"),
            group(of="d", replicas=3),
            (
                'DaskWorkerGroup default/g: DaskWorkerGroup.kubernetes.dask.org "g" is invalid: spec.cluster: Invalid '
                "value: cannot be changed: delete this object and create one for the other cluster"
            ),
        ),
        (
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod_spec()},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod_spec(args=["x"])},
            (
                'Pod default/p: Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than '
                "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
                "(allow it to be set to 1 if it was previously negative)"
            ),
        ),
    ],
)
def test_what_cannot_be_changed_stays_and_is_told_in_the_words_of_the_api(
    before: Manifest, after: Manifest, words: str
) -> None:
    """An edit that the API refuses leaves the object as it was, whole; putting it back mends it."""
    followed = Followed()
    followed.says(before)
    name, kind = before["metadata"]["name"], POD if before["kind"] == "Pod" else DASK_WORKER_GROUP
    was = followed.body(name, kind)
    assert followed.says(after, cluster("other")) == [
        f"problem: {FILE}, document 1: {words}",
        "made: DaskCluster default/other: made",
    ]
    assert followed.says(after) == []
    assert followed.body(name, kind) == was
    assert followed.says(before, cluster("other")) == [MENDED]


TYPED = ["", "\t", "&a [*a]", "!!bool x", "!!int ''", "[" * 200, "*a", "\0", "0x_", "!!set {a}", "null", "- ", "{}"]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_text_ends_the_following(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is typed, there is an answer, and what was there stays while it is wrong."""
    file = str(tmp_path_factory.mktemp("typed") / FILE)
    followed = Followed(file)
    good = texts(cluster(), group(), supply("Secret", "s", stringData={"a": "b"}))
    followed.reads(good, file)
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))))
    typed = data.draw(st.sampled_from(TYPED) | st.text(max_size=9))
    followed.reads((good[:start] + typed + good[end:]).encode(errors="surrogatepass"), file)
    if followed.following.has_problems:
        assert {"DaskCluster default/c", "DaskWorkerGroup default/g"} <= set(followed.keys())
        assert ("Secret", "default", "s") in followed.supplies
