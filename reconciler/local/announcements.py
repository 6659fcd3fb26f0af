"""What is said of a run beside its table: each thing once, and again only when it is another."""

from collections.abc import Callable, Iterable, Mapping

from models.kinds import EVENT
from reconciler.local.containers.caveats import caveats
from reconciler.local.display.screen import Style
from reconciler.local.network.doors import Door
from reconciler.local.outcome import is_ready
from reconciler.memory import MemoryAPI
from reconciler.protocol import Body


class Announcements:
    """What is said of a run.

    - How a cluster is reached is said when it is ready, and again when that changes or the cluster was made again.
    - What cannot be done here is said once for each feature.
    - A warning of the reconciler's is said once.

    Args:
        api: The API.
        say: Says something, in a style.
    """

    def __init__(self, api: MemoryAPI, say: Callable[[str, Style], None]) -> None:
        self._api = api
        self._say = say
        self._said: set[str] = set()
        self._ways: dict[str, str] = {}

    def doors(self, doors: Mapping[str, Door]) -> None:
        """How clusters are reached.

        Args:
            doors: The ways there are, by the clusters' uids.
        """
        for uid, door in doors.items():
            if self._ways.get(uid) != str(door) and is_ready(self._api, door.cluster):
                self._ways[uid] = str(door)
                self._say(f"{door.cluster.name}: {door}", "good")

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
        """What the reconciler warns of."""
        for event in self._api.objects(EVENT):
            if event["type"] == "Warning":
                about = event["involvedObject"]
                words = f"{about['kind']} {about['namespace']}/{about['name']}: {event['message']}"
                self._say_once(words, words)

    def _say_once(self, subject: str, words: str) -> None:
        if subject not in self._said:
            self._said.add(subject)
            self._say(words, "warning")
