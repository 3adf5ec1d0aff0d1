"""An audit bundle: files with a manifest that names the bytes of each, signed by a person.

The archive is a zip in which no byte is free, the manifest names every other file with its size and
sha256, and its Ed25519 signature stands behind it: 64 bytes over the manifest's own. So nothing can
be changed, removed or added that the public key does not tell.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from ai_ops.storage.plain_zip import ZipWriter
from ai_ops.vocabulary.errors import BadInput

FORMAT: Final = "ai_ops audit bundle 1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
CHAIN: Final = "ledger/chain.jsonl"


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a bundle; of one that was withheld, what it would have been."""

    path: str
    size: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """Something that belongs to the span and is not there: what, of which partition, and why."""

    what: str
    partition: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a bundle is about, and who exports it when."""

    feature: str
    first: str
    last: str
    exported_at: str
    mode: str
    signed_by: str
    public_key: str


@dataclass
class BundleWriter:
    """Adds files to a bundle, and at the end the manifest of them with its signature."""

    file: BinaryIO
    subject: Subject
    ledger: dict[str, Any] = field(default_factory=dict)
    files: list[Listed] = field(default_factory=list)
    missing: list[Lacking] = field(default_factory=list)
    withheld: list[Listed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._zip = ZipWriter(self.file)

    def add(self, path: str, content: bytes, rows: int | None = None) -> None:
        """Add a file."""
        self._zip.add(path, content)
        self.files.append(_listed(path, content, rows))

    def add_json(self, path: str, data: Any) -> None:
        """Add data as JSON."""
        self.add(path, _json(data))

    def withhold(self, path: str, content: bytes, rows: int | None = None) -> None:
        """Name a file's digest without the file: who has it can show that it is this one."""
        self.withheld.append(_listed(path, content, rows))

    def lack(self, what: str, partition: str | None, reason: str) -> None:
        """Name what is not there."""
        self.missing.append(Lacking(what, partition, reason))

    def finish(self, sign: Callable[[bytes], bytes]) -> None:
        """Write the manifest and its signature; nothing is added behind it."""
        manifest = _json(
            {
                "format": FORMAT,
                **asdict(self.subject),
                "ledger": self.ledger,
                "files": [asdict(one) for one in self.files],
                "missing": [asdict(one) for one in self.missing],
                "withheld": [asdict(one) for one in self.withheld],
                "notes": self.notes,
            }
        )
        self._zip.add(MANIFEST, manifest)
        self._zip.add(SIGNATURE, sign(manifest))
        self._zip.close()


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """A file that stands there whole at the end, or not at all; only its owner can read it.

    ``BadInput`` when there is one already: what was handed on is not written over.
    """
    if target.exists():
        raise BadInput(f"{target}: it is there already; name another file, or remove it")
    if not target.absolute().parent.is_dir():
        raise BadInput(f"{target.absolute().parent}: no such folder; make it first")
    fresh = target.with_name(f"{target.name}.{os.getpid()}.fresh")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def _listed(path: str, content: bytes, rows: int | None) -> Listed:
    return Listed(path, len(content), sha256(content).hexdigest(), rows)


def _json(data: Any) -> bytes:
    text = json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
