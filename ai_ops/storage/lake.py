"""The lake: one Parquet or JSON file per asset and partition, replaced atomically.

A root is a local folder or an ``s3://`` prefix; both are reached through fsspec.
"""

import json
import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from ai_ops.storage.files import (
    Stored,
    in_bucket,
    local_folders,
    local_listing,
    options_for,
    reached,
    replacing,
)
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

_CHUNK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lake:
    """The files below one root.

    ``url`` is a folder or ``s3://bucket/prefix``; ``storage_options`` go to fsspec (an endpoint,
    for example). Keys of files are ``feature/asset/partition.ending``. A place that does not
    answer is ``LakeUnreachable``, never an empty one.
    """

    url: str
    storage_options: Mapping[str, Any] | None = None

    def path(self, feature: str, asset: str, partition: str | None, ending: str = "parquet") -> str:
        """Where the file of one asset's partition lies (``latest`` for an unpartitioned asset)."""
        name = quote(partition or "latest", safe="-_.:=") + f".{ending}"
        return posixpath.join(self.url, feature, asset, name)

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return "://" not in self.url

    def write_table(self, path: str, table: pa.Table) -> Evidence:
        """Write a table as zstd Parquet, whole or not at all."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        return self.write_bytes(path, sink.getvalue().to_pybytes())

    def write_json(self, path: str, data: Any) -> Evidence:
        """Write JSON (sorted keys), whole or not at all."""
        return self.write_bytes(path, json.dumps(data, sort_keys=True, indent=1).encode())

    def write_bytes(self, path: str, content: bytes | memoryview) -> Evidence:
        """Write a file, whole or not at all; returns where it lies and its sha256."""
        fs, inner = self._open(path)
        if _is_local(fs):
            with replacing(inner) as fresh, open(fresh, "wb") as file:
                file.write(content)
        else:
            with reached(path):
                # One PUT: an object store shows it whole or not at all.
                in_bucket(path, lambda: fs.pipe_file(inner, bytes(content)))
        return self._evidence(path, content)

    def upload(self, path: str, file: str) -> None:
        """Write a copy of a local file, whole or not at all, and on the disk when this returns."""
        fs, inner = self._open(path)
        if not _is_local(fs):
            with reached(path):
                in_bucket(path, lambda: fs.put_file(file, inner))
            return
        with replacing(inner) as fresh, open(file, "rb") as source, open(fresh, "wb") as target:
            while chunk := source.read(_CHUNK):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())

    def read_table(self, path: str, columns: list[str] | None = None) -> tuple[pa.Table, Evidence]:
        """A table and its evidence; ``MissingEvidence`` when there is no such file."""
        content = self.read_bytes(path)
        return table_in(path, content, columns), self._evidence(path, content)

    def read_tables(
        self, paths: Iterable[str]
    ) -> tuple[pa.Table | None, list[Evidence], list[str]]:
        """The tables of those paths that exist, as one; what was read; which were missing."""
        tables, evidence, missing = [], [], []
        for path in paths:
            try:
                table, read = self.read_table(path)
            except MissingEvidence:
                missing.append(path)
                continue
            tables.append(table)
            evidence.append(read)
        whole = pa.concat_tables(tables, promote_options="permissive") if tables else None
        return whole, evidence, missing

    def read_json(self, path: str) -> tuple[Any, Evidence]:
        """JSON and its evidence; ``MissingEvidence`` when there is no such file."""
        content = self.read_bytes(path)
        return json.loads(content), self._evidence(path, content)

    def read_bytes(self, path: str) -> bytes:
        """A file's content; ``MissingEvidence`` when there is no such file."""
        fs, inner = self._open(path)
        try:
            if _is_local(fs):
                with open(inner, "rb") as file:
                    return file.read()
            with reached(path):
                content: bytes = fs.cat_file(inner)
            return content
        except FileNotFoundError:
            raise MissingEvidence(f"{path}: no such file; its asset was not materialised") from None

    def glob(self, pattern: str) -> list[str]:
        """The files that match a pattern below the root, sorted, as paths that can be read."""
        fs, inner = self._open(posixpath.join(self.url, pattern))
        fs.invalidate_cache()  # fsspec remembers listings, other processes write meanwhile
        if _is_local(fs):
            return sorted(fs.glob(inner))
        with reached(pattern):
            return sorted(fs.unstrip_protocol(found) for found in fs.glob(inner))

    def digest_of(self, path: str) -> tuple[int, str]:
        """Size and sha256 of a file as it lies there, read back; ``MissingEvidence`` without it."""
        fs, inner = self._open(path)
        digest, size = sha256(), 0
        try:
            with reached(path, remote=not _is_local(fs)), fs.open(inner, "rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except FileNotFoundError:
            raise MissingEvidence(f"{path}: no such file") from None
        return size, digest.hexdigest()

    def listing(self, folder: str) -> dict[str, Stored]:
        """Every file below a folder, by its path from there; unfinished ones are left out."""
        fs, inner = self._open(folder)
        if _is_local(fs):
            return dict(local_listing(inner))
        fs.invalidate_cache()
        with reached(folder):
            found = in_bucket(folder, lambda: fs.find(inner, detail=True))
        inner = inner.rstrip("/") + "/"
        return {
            path.removeprefix(inner): Stored(info["size"], str(info["ETag"]).strip('"'))
            for path, info in found.items()
            if info["type"] == "file"
        }

    def folders(self, folder: str) -> list[str]:
        """The names of the folders in a folder, sorted."""
        fs, inner = self._open(folder)
        if _is_local(fs):
            return local_folders(inner)
        fs.invalidate_cache()
        with reached(folder):
            try:
                found = fs.ls(inner, detail=True)
            except FileNotFoundError:
                in_bucket(folder, lambda: fs.find(inner, maxdepth=1))
                return []
        return sorted(posixpath.basename(one["name"]) for one in found if one["type"] != "file")

    def _open(self, path: str) -> tuple[Any, str]:
        fs, inner = url_to_fs(path, **(self.storage_options or {}))
        return fs, inner

    def _evidence(self, path: str, content: bytes | memoryview) -> Evidence:
        return Evidence(posixpath.relpath(path, self.url), sha256(content).hexdigest())


def table_in(path: str, content: bytes, columns: list[str] | None) -> pa.Table:
    """The table that a file of the lake holds, or these columns of it."""
    # (pq.read_table takes twice as long to open a small file, and threads more than they save)
    file = pq.ParquetFile(pa.BufferReader(content))
    known = file.schema_arrow.names  # (made anew whenever it is asked for)
    names = known if columns is None else columns
    if absent := set(names).difference(known):
        raise pa.ArrowInvalid(f"{path}: no column {min(absent)} (has {', '.join(known)})")
    return file.read(columns=columns, use_threads=False).select(names)


def open_lake(url: str, environment: Mapping[str, str]) -> Lake:
    """The lake at an address, reached as the standard variables of AWS say."""
    return Lake(url.rstrip("/") or "/", options_for(url, environment))


def _is_local(fs: Any) -> bool:
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)
