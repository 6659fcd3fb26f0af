"""The manifests' files, followed while they change: what they say is written into the API, as `kubectl apply` does.

    what a file said before ─┐
    what it says now ────────┴─► a merge patch ──► the object in the API: what others set there stays

So files and kubectl may change the same objects. A file's change is made when the file changes, of the fields that it
changed; whatever kubectl changed stays, until the file changes just that. What kubectl made is never deleted because no
file has it; what kubectl deleted stays deleted, until the file changes.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, TextIO

from models.kinds import CONFIG_MAP, DASK_CLUSTER, DASK_JOB, SECRET, Key, Kind
from reconciler.local.files.edits import object_edit, supply_edit, users_part
from reconciler.local.files.emptied import Emptied
from reconciler.local.files.kept_images import Images, images_of, with_images
from reconciler.local.files.supplies import KINDS, WrongSupply, as_stored, supply, supply_of
from reconciler.manifests import LeftOut, Manifest, Problem, Reader, Reading, Text, Watch, owned
from reconciler.memory import MemoryAPI
from reconciler.passes.merge_patch import merge_patch
from reconciler.wire.errors import ApiError, Conflict, NotFound
from reconciler.wire.protocol import Body

REST = 9
"""How many times as long as a look at the files took there is none: a tenth of the time goes into looking."""

LONGEST_REST_SECONDS = 60.0
SUPPLIES = (CONFIG_MAP, SECRET)
GONE = "deleted, since it is no longer in the files"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell a person.

    Args:
        kind: What it is.
        words: The sentence. That of a problem begins with the place in the files.
    """

    kind: Literal["made", "changed", "deleted", "problem", "note"]
    words: str


@dataclass(frozen=True, slots=True)
class _Followed:
    """An object that was written because the files ask for it; it stays one if it is gone from the API.

    Args:
        body: The object as it was last written.
        uid: Its uid.
        first: The first image of each container, which it keeps.
        last: The image of each container that the files said last.
    """

    body: Body
    uid: str
    first: Images
    last: Images


class Following:
    """What files ask for, in an API in memory.

    - While anything is wrong in the files, nothing is deleted, and what is wrong stays as it was.
    - Each problem is told once, and again when it is another; so is the end of the last.
    - An object that has gone from the API is made again only when the files change it.
    - Images are not pulled here, so a container keeps the first one that it had.
    - Looking for changes takes a tenth of the time at most, however many files there are and wherever they lie.

    Args:
        api: The API.
        paths: Files, folders with everything below them, and `-` for standard input, which is read once.
        namespace: The namespace of manifests that name none.
        standard_input: What `-` stands for.
        clock: A number of seconds that only rises.
    """

    def __init__(
        self,
        api: MemoryAPI,
        paths: Sequence[str],
        namespace: str,
        standard_input: TextIO | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._watch = Watch(paths, standard_input)
        self._has_files = bool(paths)
        self._clock = clock
        self._rests_until = float("-inf")
        self._reader = Reader(namespace)
        self._reading = Reading()
        self._left_out: Sequence[LeftOut] = ()
        self._emptied = Emptied()
        self._is_unfinished = False
        self._followed: dict[Key, _Followed] = {}
        self._problems: frozenset[Notice] = frozenset()
        self._noted: set[Notice] = set()

    @property
    def is_of_files(self) -> bool:
        """Whether there is anything to follow."""
        return self._has_files

    @property
    def jobs(self) -> tuple[Key, ...]:
        """The DaskJobs that the files ask for now, in the order in which they were made."""
        return self._keys(DASK_JOB)

    @property
    def clusters(self) -> tuple[Key, ...]:
        """The DaskClusters that the files ask for now, in the order in which they were made."""
        return self._keys(DASK_CLUSTER)

    @property
    def has_problems(self) -> bool:
        """Whether anything was wrong when the files were last read."""
        return bool(self._problems)

    def poll(self) -> tuple[Notice, ...]:
        """Look whether the files have changed, unless the last look was too long for that; returns what to tell."""
        texts = self._looked()
        if texts is not None:
            reading = self._reader.read(texts)
            kept, self._left_out = owned(reading.manifests, keeps_uids=False)
            self._reading = replace(reading, manifests=kept)
        elif not self._is_unfinished:
            return ()
        self._is_unfinished = False
        notices = [Notice("problem", str(problem)) for problem in self._reading.problems]
        notices += [*(Notice("note", words) for words in self._emptied.notices(texts)), *self._remarks()]
        supplies, wrong = _supplies_in(self._reading)
        wanted = (*supplies, *self._reading.manifests)
        notices += [*wrong, *self._written(wanted)]
        problems = frozenset(one for one in notices if one.kind == "problem")
        if not problems:
            notices += self._deleted({manifest.key for manifest in wanted})
            notices += [Notice("note", "Nothing is wrong in the files any more.")] if self._problems else []
        known, self._problems = self._problems, problems
        return tuple(dict.fromkeys(one for one in notices if one not in known))

    def _looked(self) -> Sequence[Text] | None:
        """What is in the files if that is something new."""
        begun = self._clock()
        if begun < self._rests_until:
            return None
        texts = self._watch.poll(time.time_ns())
        if texts is None:
            now = self._clock()
            self._rests_until = now + min(REST * (now - begun), LONGEST_REST_SECONDS)
        return texts

    def _keys(self, kind: Kind) -> tuple[Key, ...]:
        return tuple(key for key in self._followed if key.kind == kind)

    def _remarks(self) -> Iterator[Notice]:
        """What is read otherwise than it may be meant, and what is left out."""
        for words in (*self._reading.warnings, *self._left_out):
            yield from self._noted_once(str(words))
        for other in self._reading.others:
            if other.body["kind"] not in KINDS:
                yield from self._noted_once(f"{other} is no business of the reconciler's and is ignored here.")

    def _written(self, wanted: Iterable[Manifest]) -> Iterator[Notice]:
        """Create and change objects of the API."""
        for manifest in wanted:
            try:
                yield from self._write(manifest)
            except Conflict:  # somebody else wrote between our look and our write
                self._is_unfinished = True
            except ApiError as error:
                yield _problem(manifest.place, f"{manifest.key}: {error.message}")

    def _write(self, manifest: Manifest) -> Iterator[Notice]:
        key, body = manifest.key, users_part(manifest.body)
        before, images = self._followed.get(key), images_of(body)
        if before is not None:
            yield from _image_notes(key, before, images)
            before = self._followed[key] = replace(before, last={**before.last, **images})
            if not merge_patch(before.body, with_images(body, before.first)):
                return
        there = self._api.get(key)
        if there is not None and "deletionTimestamp" in there["metadata"]:
            self._is_unfinished = True  # once it has gone, another is made
        elif before is not None and there is not None:
            yield from self._change(key, body, before, there)
        elif there is not None and not there["metadata"].get("ownerReferences"):
            yield from self._change(key, body, _Followed({}, there["metadata"]["uid"], {}, images), there)
        else:
            yield from self._create(key, body, images)

    def _create(self, key: Key, body: Body, images: Images) -> Iterator[Notice]:
        reply = self._api.create(key.kind, body)
        self._followed[key] = _Followed(body, reply.body["metadata"]["uid"], images, images)
        yield Notice("made", f"{key}: made")
        yield from self._warned(key, reply.warnings)

    def _change(self, key: Key, body: Body, before: _Followed, there: Body) -> Iterator[Notice]:
        body = with_images(body, before.first)
        patch = merge_patch(before.body, body)
        version = {"resourceVersion": there["metadata"]["resourceVersion"]}  # what is told is what this edit did
        reply = self._api.patch(key, {**patch, "metadata": {**patch.get("metadata", {}), **version}})
        self._followed[key] = replace(before, body=body, first=images_of(body))
        if key.kind in SUPPLIES:
            words = supply_edit(supply(there), supply(reply.body))
        else:
            words = object_edit(key, there, reply.body)
        if words:
            yield Notice("changed", f"{key}: {words}")
        yield from self._warned(key, reply.warnings)

    def _deleted(self, wanted: Collection[Key]) -> Iterator[Notice]:
        """Delete from the API what the files no longer have."""
        gone = [key for key in self._followed if key not in wanted]
        for key in sorted(gone, key=lambda key: key.kind in SUPPLIES):  # what Pods may use goes last
            uid = self._followed.pop(key).uid
            there = self._api.get(key)
            if there is None or there["metadata"]["uid"] != uid or "deletionTimestamp" in there["metadata"]:
                continue
            with suppress(NotFound, Conflict):  # it went meanwhile
                self._api.delete(key, uid)
            yield Notice("deleted", f"{key}: {GONE}")

    def _warned(self, key: Key, warnings: Iterable[str]) -> Iterator[Notice]:
        for warning in warnings:
            yield from self._noted_once(f"{key}: {warning}")

    def _noted_once(self, words: str) -> Iterator[Notice]:
        note = Notice("note", words)
        if note not in self._noted:
            self._noted.add(note)
            yield note


def _image_notes(key: Key, before: _Followed, images: Images) -> Iterator[Notice]:
    for place, image in images.items():
        if place in before.first and image != before.last[place]:
            words = f"image {before.last[place]} → {image}: images are not pulled here; nothing changes"
            yield Notice("note", f"{key}: {place}: {words}")


def _supplies_in(reading: Reading) -> tuple[Sequence[Manifest], Sequence[Notice]]:
    """The good ConfigMaps and Secrets among what was read, and what is wrong with the others."""
    found: dict[Key, Manifest] = {}
    wrong = []
    for other in reading.others:
        if other.body["kind"] not in KINDS:
            continue
        try:
            one = supply_of(other)
        except WrongSupply as error:
            wrong.append(_problem(other.place, f"{error}."))
            continue
        key = Key(SECRET if one.kind == SECRET.name else CONFIG_MAP, one.namespace, one.name)
        if key in found:
            words = f"is there twice, first in {found[key].place}; remove one"
            wrong.append(_problem(other.place, f"{other}: {words}."))
        else:
            found[key] = Manifest(key, as_stored(one, other.body), other.place)
    return tuple(found.values()), wrong


def _problem(place: str, words: str) -> Notice:
    return Notice("problem", str(Problem(place, words)))
