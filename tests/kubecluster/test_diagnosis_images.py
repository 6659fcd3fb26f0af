"""What it means that an image cannot be had, in the words of containerd and the kubelet."""

import pytest

from kubecluster.diagnosis import Body
from kubecluster.errors import ImagePullFailed
from tests.kubecluster.podcase import POD, Case
from tests.kubecluster.sights import container, event, on_node, waits

IMAGE = "ghcr.io/dask/nosuch:1"
PULL = f'failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": '
BACK_OFF = f'Back-off pulling image "{IMAGE}"'
GONE = f"{PULL}{IMAGE}: not found"
PRIVATE = f"{PULL}failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden"
DENIED = f"{PULL}pull access denied, repository does not exist or may require authorization"
UNREACHED = (
    f'{PULL}failed to do request: Head "https://ghcr.io/v2/": dial tcp: lookup ghcr.io on 10.0.0.10:53: no such host'
)
LIMITED = (
    f"{PULL}unexpected status from HEAD request: 429 Too Many Requests: toomanyrequests: You have reached your limit"
)
BAD_NAME = 'Failed to apply default image tag "Dask:UP": couldn\'t parse image name "Dask:UP": invalid reference format'
INITIALIZING = container({"waiting": {"reason": "PodInitializing"}})
INIT = {"initContainers": [{"name": "fetch"}], "containers": [{"name": "main"}]}


def pulled(message: str) -> tuple[Body, ...]:
    """The Events of an image that cannot be pulled."""
    failed = f'Failed to pull image "{IMAGE}": {message}'
    return event(POD, "Failed", failed), event(POD, "Failed", "Error: ErrImagePull", after=2)


IMAGES = {
    "the first attempt": Case(
        waits("ErrImagePull", GONE), f"cannot start: ErrImagePull: {GONE}.", ImagePullFailed, "name and tag"
    ),
    "no such image": Case(
        waits("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: {GONE}"),
        f"cannot start: ErrImagePull: {GONE}.",
        ImagePullFailed,
        "Correct the image's name and tag",
        is_final=True,
    ),
    "no such image, as told by an Event": Case(
        waits("ImagePullBackOff", BACK_OFF),
        f"cannot start: ErrImagePull: {GONE}.",
        ImagePullFailed,
        "Correct the image's name and tag",
        is_final=True,
        events=pulled(GONE),
    ),
    "no Events may be listed": Case(
        waits("ImagePullBackOff", BACK_OFF),
        f"cannot start: ErrImagePull: {BACK_OFF}.",
        ImagePullFailed,
        "Correct the image's name, or see to",
    ),
    "a private registry": Case(
        waits("ErrImagePull", PRIVATE), f"cannot start: ErrImagePull: {PRIVATE}.", ImagePullFailed, "imagePullSecrets"
    ),
    "Docker Hub's denial": Case(
        waits("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: {DENIED}"),
        f"cannot start: ErrImagePull: {DENIED}.",
        ImagePullFailed,
        "imagePullSecrets",
        is_final=True,
    ),
    "a registry that is not reached": Case(
        waits("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: {UNREACHED}"),
        f"cannot start: ErrImagePull: {UNREACHED}.",
        ImagePullFailed,
        "does not reach the image's registry",
    ),
    "a registry that wants no more": Case(
        waits("ErrImagePull", LIMITED),
        f"cannot start: ErrImagePull: {LIMITED}.",
        ImagePullFailed,
        "lets nobody pull more",
    ),
    "a name that is none": Case(
        waits("InvalidImageName", BAD_NAME),
        f"cannot start: InvalidImageName: {BAD_NAME}.",
        ImagePullFailed,
        "Correct the image's name",
        is_final=True,
    ),
    "never pulled": Case(
        waits("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never'),
        f'cannot start: ErrImageNeverPull: Container image "{IMAGE}" is not present with pull policy of Never.',
        ImagePullFailed,
        "imagePullPolicy",
    ),
    "an init container's": Case(
        on_node(INITIALIZING, initContainerStatuses=[container({"waiting": {"reason": "ErrImagePull"}}, name="fetch")]),
        "cannot start: init container fetch: ErrImagePull.",
        ImagePullFailed,
        "Correct the image's name",
        spec=INIT,
    ),
}


@pytest.mark.parametrize("case", IMAGES.values(), ids=IMAGES.keys())
def test_an_image_that_cannot_be_had_is_explained(case: Case) -> None:
    """By the last attempt's own error; it is past hope once the registry has said more than once that it has none."""
    case.check()
    assert not case.verdict().pod  # what never started has no log


@pytest.mark.parametrize("waits_in_between", [f"{BACK_OFF}: ErrImagePull: {UNREACHED}", BACK_OFF])
def test_an_image_that_cannot_be_had_is_told_once(waits_in_between: str) -> None:
    """An attempt and the wait for the next one are one trouble: nothing changes, so there is no further line."""
    attempt = Case(waits("ErrImagePull", UNREACHED), "", ImagePullFailed, "", events=pulled(UNREACHED)).verdict()
    between = waits("ImagePullBackOff", waits_in_between)
    assert Case(between, "", ImagePullFailed, "", events=pulled(UNREACHED)).verdict() == attempt
