"""Folders, standard input, and many edits of one file that is followed."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.manifests import cluster
from tests.unit.local.followed import FILE, GONE, Followed, key, texts

pytestmark = pytest.mark.usefixtures("own_folder")


def test_a_folder_is_followed_with_what_is_below_it() -> None:
    """New files below a folder are followed, changed ones too, and removed ones take their objects with them."""
    Path("all/deep").mkdir(parents=True)
    Path("all/a.yaml").write_text(texts(cluster("a")))
    followed = Followed("all")
    assert followed.polled() == ["made: DaskCluster default/a: made"]
    assert followed.says(cluster("b"), file="all/deep/b.yml") == ["made: DaskCluster default/b: made"]
    assert followed.says(cluster("a", replicas=4), file="all/a.yaml") == [
        "changed: DaskCluster default/a: spec.worker.replicas 1 → 4"
    ]
    Path("all/deep/b.yml").rename("b.yml")
    assert (followed.polled(), followed.polled()) == (
        [],
        ["note: all/deep/b.yml is gone.", f"deleted: DaskCluster default/b: {GONE}"],
    )
    Path("all/a.yaml").unlink()
    assert (followed.polled(), followed.polled()) == (
        [],
        ["note: all/a.yaml is gone.", f"deleted: DaskCluster default/a: {GONE}"],
    )
    assert not followed.following.has_problems


def test_a_file_that_is_emptied_is_told_before_what_goes_with_it() -> None:
    """Once, and again when it was filled in between; one that was always empty is not."""
    followed = Followed(FILE, "empty.yaml")
    Path("empty.yaml").touch()
    for _ in range(2):
        assert followed.says(cluster("a")) == ["made: DaskCluster default/a: made"]
        assert (followed.reads(" "), followed.polled(), followed.polled()) == (
            [],
            [f"note: {FILE} is empty.", f"deleted: DaskCluster default/a: {GONE}"],
            [],
        )


def test_standard_input_is_read_once() -> None:
    """What was piped stays, while a file beside it is followed."""
    followed = Followed("-", FILE, piped=texts(cluster("piped")))
    assert followed.says(cluster("a")) == [
        "made: DaskCluster default/piped: made",
        "made: DaskCluster default/a: made",
    ]
    assert followed.says(cluster("b")) == [
        "made: DaskCluster default/b: made",
        f"deleted: DaskCluster default/a: {GONE}",
    ]
    assert followed.keys() == ["DaskCluster default/b", "DaskCluster default/piped"]


VERSIONS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.fixed_dictionaries(
        {},
        optional={
            "replicas": st.integers(0, 3),
            "minReadySeconds": st.integers(0, 2),
            "metadata": st.fixed_dictionaries(
                {"labels": st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"))}
            ),
            "spec": st.builds(
                lambda names: {"containers": [{"name": name, "image": "i", "args": [*names]} for name in names]},
                st.lists(st.sampled_from(["m", "n", "o"]), min_size=1, unique=True),
            ),
        },
    ),
    min_size=1,
)


@settings(max_examples=40, deadline=None)
@given(versions=st.lists(VERSIONS, min_size=2, max_size=5))
def test_whatever_is_edited_the_api_has_what_the_files_say(
    versions: list[dict[str, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After any edits there is what a fresh start would make, and what others have written meanwhile."""
    file = str(tmp_path_factory.mktemp("edits") / FILE)
    followed, seen = Followed(file), dict[str, str]()
    for number, version in enumerate(versions):
        manifests = [cluster(name, **worker) for name, worker in version.items()]
        followed.says(*manifests, file=file)
        fresh = Followed(file)
        fresh.polled()
        assert followed.keys() == fresh.keys()
        seen = {name: seen.get(name, str(number)) for name in version}
        for name, first in seen.items():
            body = followed.body(name)
            assert body["spec"] == fresh.body(name)["spec"]
            assert body["metadata"].get("annotations", {}).keys() == {first} - {str(number)}
            followed.api.edit(key(name), {"metadata": {"annotations": {first: "written by others"}}})
