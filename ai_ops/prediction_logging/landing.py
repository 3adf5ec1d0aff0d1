"""The landing place of a feature's segments in the lake: what lies there, and whether it is whole.

    <lake>/<feature>/landing/<day>/<writer>/<segment>.jsonl        as it was written
    <lake>/<feature>/landing/<day>/<writer>/<segment>.manifest.json   after that was verified
    <lake>/<feature>/landing/machines/<machine>.json               what each shipping process tells
    <lake>/<feature>/landing/receipts/<day>.json                   what compaction has confirmed

Segments lie by day, so that a day's run lists that day and not everything that ever landed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from ai_ops.client.names import ENDING
from ai_ops.prediction_logging.landing_records import (
    ALTERED,
    BAD_MANIFEST,
    LANDING,
    MANIFEST,
    NO_SEGMENT,
    NOT_THERE,
    PARTIAL,
    SPANNING,
    UNANNOUNCED,
    MachineStatus,
    Manifest,
    Receipt,
    is_day,
    is_segment,
)
from ai_ops.storage.files import Stored
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import LakeUnreachable, MissingEvidence

_STATUS = ".json"
_COUNTS = ".landed.json"


class NotVerified(Exception):
    """A landed segment that is not what its manifest says; the message is the word for why."""


@dataclass(frozen=True, slots=True)
class Landed:
    """One name in a folder of the landing place: its data and its manifest, as listed."""

    place: str
    segment: str
    data: Stored | None
    manifest: Stored | None

    @property
    def state(self) -> str:
        """What changes when either was written anew."""
        parts = [(one.size, one.state) if one else None for one in (self.data, self.manifest)]
        return sha256(repr(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Landing:
    """The landing place of one feature."""

    lake: Lake
    feature: str

    def places(self) -> list[str]:
        """The days of which something landed, and the folder of what holds several."""
        return [name for name in self.lake.folders(self._path()) if is_day(name)] + [SPANNING]

    def is_used(self) -> bool:
        """Whether any machine ever shipped, or tried to: nothing landed is then a loss."""
        return bool(self.lake.folders(self._path()))

    def listing(self, place: str) -> dict[str, Landed]:
        """What lies in the folder of a day, by the segment's name; one listing, nothing read."""
        found = self.lake.listing(self._path(place))
        names = {
            name.removesuffix(MANIFEST).removesuffix(ENDING)
            for name in found
            if name.endswith((ENDING, MANIFEST))
        }
        return {
            f"{name}{ENDING}": Landed(
                place, f"{name}{ENDING}", found.get(name + ENDING), found.get(name + MANIFEST)
            )
            for name in sorted(names)
        }

    def path_of(self, place: str, segment: str) -> str:
        """Where a segment of that name lies, once it has landed."""
        return self._path(place, segment)

    def manifest(self, place: str, segment: str) -> Manifest:
        """The manifest of a segment; ``NotVerified`` when there is none that can be read."""
        try:
            data = self.lake.read_bytes(self.manifest_path(place, segment))
            manifest = msgspec.json.decode(data, type=Manifest)
        except MissingEvidence:
            raise NotVerified(UNANNOUNCED) from None
        except msgspec.MsgspecError as error:
            raise NotVerified(f"{BAD_MANIFEST} ({error})") from error
        if manifest.segment != segment:
            raise NotVerified(f"{BAD_MANIFEST} (it is that of {manifest.segment})")
        return manifest

    def manifest_path(self, place: str, segment: str) -> str:
        """Where the manifest of a segment lies."""
        return self._path(place, segment.removesuffix(ENDING) + MANIFEST)

    def verify(self, landed: Landed) -> Manifest:
        """The manifest of what landed whole; ``NotVerified`` names what is wrong with it.

        Of an object store only the sizes are compared here: its data is digested when fetched.
        """
        if not is_segment(landed.segment):
            raise NotVerified(NO_SEGMENT)
        if landed.data is None:
            raise NotVerified(NOT_THERE)
        manifest = self.manifest(landed.place, landed.segment)
        _compare(manifest, landed.data.size, None)
        if self.lake.is_local:
            _compare(manifest, *self.lake.digest_of(self._path(landed.place, landed.segment)))
        return manifest

    def fetch(self, place: str, manifest: Manifest, cache: Path, anew: bool = True) -> Path:
        """A copy on this machine that is what the manifest says; in a folder, the file itself.

        A copy that was made before will do unless it is to be made ``anew``.
        """
        path = self._path(place, manifest.segment)
        if self.lake.is_local:
            return Path(path)
        file = cache / place / manifest.segment
        if not anew and file.exists() and file.stat().st_size == manifest.size:
            return file  # it was verified before it got that name
        try:
            content = self.lake.read_bytes(path)
        except MissingEvidence:
            raise NotVerified(NOT_THERE) from None
        _compare(manifest, len(content), sha256(content).hexdigest())
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}.fresh")
        fresh.write_bytes(content)
        fresh.replace(file)
        return file

    def statuses(self) -> tuple[MachineStatus, ...]:
        """What the machines told last, by their names; one that cannot be read is left out."""
        folder = self._path("machines")
        statuses = []
        for name in sorted(self.lake.listing(folder)):
            if name.endswith(_STATUS) and not name.endswith(_COUNTS):
                try:
                    data = self.lake.read_bytes(f"{folder}/{name}")
                    statuses.append(msgspec.json.decode(data, type=MachineStatus))
                except (MissingEvidence, msgspec.MsgspecError):
                    continue  # replaced at this moment, or told by another version
        return tuple(statuses)

    def write_status(self, status: MachineStatus) -> None:
        """Replace what a machine told before."""
        path = self._path("machines", status.machine + _STATUS)
        self.lake.write_bytes(path, msgspec.json.encode(status))

    def count(self, machine: str, landed: Mapping[str, int]) -> None:
        """Tell how many segments of each folder this machine has landed: the sensor looks here."""
        path = self._path("machines", machine + _COUNTS)
        self.lake.write_bytes(path, msgspec.json.encode(landed, order="deterministic"))

    def counts(self, machine: str) -> dict[str, int]:
        """What this machine has counted so far."""
        try:
            data = self.lake.read_bytes(self._path("machines", machine + _COUNTS))
            return msgspec.json.decode(data, type=dict[str, int])
        except (MissingEvidence, msgspec.MsgspecError):
            return {}

    def tokens(self) -> dict[str, str]:
        """What changes for a folder when something lands in it, cheap enough for every tick.

        In a folder of this machine it is told by the folders themselves; of an object store it is
        what the shipping processes have counted, for listing all of it would take minutes.
        """
        if self.lake.is_local:
            return {place: _folder_state(self._path(place)) for place in self.places()}
        folder, tokens = self._path("machines"), dict[str, list[str]]()
        for name in sorted(self.lake.listing(folder)):
            if name.endswith(_COUNTS):
                machine = name.removesuffix(_COUNTS)
                for place, count in self.counts(machine).items():
                    tokens.setdefault(place, []).append(f"{machine}:{count}")
        return {place: " ".join(parts) for place, parts in tokens.items()}

    def state(self) -> str:
        """What changes when anything lands at all; one listing of a few names."""
        if self.lake.is_local:
            return repr(sorted(self.tokens().items()))
        found = self.lake.listing(self._path("machines"))
        return repr(sorted((n, s.state) for n, s in found.items() if n.endswith(_COUNTS)))

    def receipts(self, day: str) -> dict[str, Receipt]:
        """What compaction has confirmed of a day, by segment."""
        try:
            data = self.lake.read_bytes(self._path("receipts", f"{day}.json"))
            return msgspec.json.decode(data, type=dict[str, Receipt])
        except MissingEvidence:
            return {}

    def confirm(self, day: str, receipts: Mapping[str, Receipt]) -> None:
        """Say of which segments every line of the day stands in its table or quarantine."""
        path = self._path("receipts", f"{day}.json")
        self.lake.write_bytes(path, msgspec.json.encode(receipts, order="deterministic"))

    def reach(self) -> None:
        """Raise ``LakeUnreachable`` when the lake's folder is not there, as one not mounted.

        Writing would make it, and what is below a mount point is not the lake.
        """
        if self.lake.is_local and not os.path.isdir(self.lake.url):
            raise LakeUnreachable(f"{self.lake.url}: no such folder; is it mounted?")

    def _path(self, *parts: str) -> str:
        return "/".join((self.lake.url.rstrip("/"), self.feature, LANDING, *parts))


def _compare(manifest: Manifest, size: int, digest: str | None) -> None:
    if size < manifest.size:
        raise NotVerified(f"{PARTIAL} ({size:,} of {manifest.size:,} bytes)")
    if size != manifest.size or digest not in (None, manifest.sha256):
        raise NotVerified(ALTERED)


def _folder_state(folder: str) -> str:
    # A file takes its name in one step, which its folder's time tells.
    try:
        writers = [entry for entry in os.scandir(folder) if entry.is_dir()]
        return repr(sorted((entry.name, entry.stat().st_mtime_ns) for entry in writers))
    except FileNotFoundError:
        return ""


def newest(tokens: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """The folders in which something landed since ``before``.

    >>> sorted(newest({"a": "1", "b": "2", "c": ""}, {"a": "1", "b": "1"}))
    ['b']
    """
    return [place for place, token in tokens.items() if token != before.get(place, "")]
