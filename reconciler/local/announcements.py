"""What is said of a run beside its table: each thing once, and again only when it is another."""

from collections.abc import Callable, Iterable, Mapping

from models.kinds import DASK_JOB, EVENT, POD, SERVICE, Key
from reconciler.local.containers.caveats import caveats
from reconciler.local.display.screen import Style
from reconciler.local.network.cluster_addresses import ClusterAddress
from reconciler.local.network.routes import dead_ends
from reconciler.local.outcome import is_ready
from reconciler.memory import MemoryAPI
from reconciler.rules.event_reasons import EventReason
from reconciler.rules.reasons import Reason
from reconciler.wire.protocol import Body

_ENDS = (
    Reason.ENDING,
    EventReason.OWNER_GONE,
    EventReason.IDLE_TOO_LONG,
    EventReason.TTL_OVER,
    EventReason.SCALED_TO_ZERO,
)
"""Reasons of Events that say why something goes, or is about to go, that nobody has asked to."""


class Announcements:
    """What is said of a run.

    - How a cluster is reached is said when it is ready, and again when that changes or the cluster was made again.
    - What cannot be done here is said once for each feature.
    - A warning of the reconciler's is said once, and so is why a cluster goes whose time is up.
    - A Service's port that leads nowhere is said once.
    - That a job's command has failed and is run again is said at the first time.

    Args:
        api: The API.
        say: Says something, in a style.
    """

    def __init__(self, api: MemoryAPI, say: Callable[[str, Style], None]) -> None:
        self._api = api
        self._say = say
        self._said: set[str] = set()
        self._ways: dict[str, str] = {}

    def addresses(self, addresses: Mapping[str, ClusterAddress]) -> None:
        """How clusters are reached.

        Args:
            addresses: The ways there are, by the clusters' uids.
        """
        for uid, address in addresses.items():
            if self._ways.get(uid) != str(address) and is_ready(self._api, address.cluster):
                self._ways[uid] = str(address)
                self._say(f"{address.cluster.name} is ready: {address}", "headline")

    def caveats(self, pods: Iterable[Body], *, has_gpu: bool) -> None:
        """What Pods ask for and cannot have here.

        Args:
            pods: The Pods.
            has_gpu: Whether this machine has a GPU.
        """
        for pod in pods:
            for caveat in caveats(pod["spec"], has_gpu=has_gpu):
                self._say_once(caveat.feature, caveat.words)

    def warnings(self) -> None:
        """What the reconciler warns of, why clusters went, and Services' ports that lead nowhere."""
        for event in self._api.objects(EVENT):
            # Of unknown fields the reader of the files has told, with their remedies.
            is_warning = event["type"] == "Warning" and event.get("reason") != Reason.UNKNOWN_FIELD
            if is_warning or event.get("reason") in _ENDS:
                about = event["involvedObject"]
                words = f"{about['kind']} {about['namespace']}/{about['name']}: {event['message']}"
                self._say_once(words, words)
        for words in dead_ends(self._api.objects(SERVICE), self._api.objects(POD)):
            self._say_once(words, words)

    def retries(self, exit_codes: Mapping[Key, int]) -> None:
        """Commands of jobs that have failed and are run again.

        Args:
            exit_codes: What each Pod's last process ended with.
        """
        for key, code in exit_codes.items():
            pod = self._api.get(key) if code else None
            if pod is not None and _is_restarted(pod):
                owners = pod["metadata"].get("ownerReferences", ())
                job = next((f"{DASK_JOB.name} {key.namespace}/{one['name']}" for one in owners), str(key))
                policy = pod["spec"].get("restartPolicy")
                words = (
                    f"{job}: its command failed with exit code {code} and is run again, since its restartPolicy is "
                    f"{policy}; to end here, set spec.job.spec.restartPolicy to Never, or give --no-retry."
                )
                self._say_once(pod["metadata"]["uid"], words)

    def _say_once(self, subject: str, words: str) -> None:
        if subject not in self._said:
            self._said.add(subject)
            self._say(words, "warning")


def _is_restarted(pod: Body) -> bool:
    """Whether a Pod's containers are started again when they fail."""
    has_ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not has_ended and "deletionTimestamp" not in pod["metadata"] and pod["spec"].get("restartPolicy") != "Never"
