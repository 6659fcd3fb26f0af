"""Images, which are not pulled on a machine without Kubernetes."""

from typing import Any

import pytest

from models.kinds import DASK_JOB
from reconciler.local.files.kept_images import with_images
from tests.manifests import Manifest, cluster, group, job, pod_spec
from tests.unit.local.followed import GONE, Followed, running

pytestmark = pytest.mark.usefixtures("own_folder")


def images(followed: Followed) -> list[str]:
    return [container["image"] for container in followed.body("c")["spec"]["worker"]["spec"]["containers"]]


def test_an_image_change_is_told_and_changes_nothing() -> None:
    """Containers keep their first image, beside whatever else an edit changes; each change is told once."""
    followed = Followed()
    followed.says(running("dask:1"))
    version = followed.body("c")["metadata"]["resourceVersion"]
    where = "note: DaskCluster default/c: spec.worker.spec.containers[worker]:"
    nothing = "images are not pulled here; nothing changes"
    assert followed.says(running("dask:2")) == [f"{where} image dask:1 → dask:2: {nothing}"]
    assert followed.says(running("dask:2"), group()) == ["made: DaskWorkerGroup default/g: made"]
    assert followed.body("c")["metadata"]["resourceVersion"] == version
    assert followed.says(running("dask:3", args=["x"])) == [
        f"{where} image dask:2 → dask:3: {nothing}",
        'changed: DaskCluster default/c: spec.worker.spec.containers[0].args = ["x"]',
        f"deleted: DaskWorkerGroup default/g: {GONE}",
    ]
    assert images(followed) == ["dask:1"]
    assert followed.says(running("dask:1", args=["x"])) == [f"{where} image dask:3 → dask:1: {nothing}"]


def test_a_new_container_has_its_own_image() -> None:
    """Only a container that was there keeps its image, wherever it now stands in the list."""
    followed = Followed()
    followed.says(running("dask:1"))
    helper = {"name": "helper", "image": "busybox"}
    followed.says(cluster(spec={"containers": [helper, {"name": "worker", "image": "dask:2"}]}))
    assert images(followed) == ["busybox", "dask:1"]


@pytest.mark.parametrize("container", [{"image": "new"}, {"name": 3, "image": "new"}, {"name": "a", "image": 3}, "a"])
def test_what_is_no_container_stays_as_it_is(container: Any) -> None:
    """Without a name, or with an image that is no text, there is nothing to keep: the API says what is wrong."""
    body = {"spec": {"containers": [container]}}
    assert with_images(body, {"spec.containers[a]": "old"}) == body


def test_images_are_kept_at_any_depth() -> None:
    """Runners, schedulers, workers and initContainers of a job keep their images, each its own."""
    followed = Followed()

    def of(image: str) -> Manifest:
        made = job(spec=pod_spec(image=f"{image}-worker"))
        made["spec"]["job"]["spec"] = {**pod_spec(image=image), "initContainers": [{"name": "main", "image": image}]}
        return made

    followed.says(of("a"))
    before = followed.body("j", DASK_JOB)["spec"]
    told = followed.says(of("b"))
    assert [words.split(": ")[2] for words in told] == [
        "spec.cluster.spec.worker.spec.containers[main]",
        "spec.job.spec.containers[main]",
        "spec.job.spec.initContainers[main]",
    ]
    assert followed.body("j", DASK_JOB)["spec"] == before
