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

from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence


@dataclass(frozen=True, slots=True)
class Lake:
    """The files below one root.

    ``url`` is a folder or ``s3://bucket/prefix``; ``storage_options`` go to fsspec (an endpoint,
    for example). Keys of files are ``feature/asset/partition.ending``.
    """

    url: str
    storage_options: Mapping[str, Any] | None = None

    def path(self, feature: str, asset: str, partition: str | None, ending: str = "parquet") -> str:
        """Where the file of one asset's partition lies (``latest`` for an unpartitioned asset)."""
        name = quote(partition or "latest", safe="-_.:=") + f".{ending}"
        return posixpath.join(self.url, feature, asset, name)

    def write_table(self, path: str, table: pa.Table) -> Evidence:
        """Write a table as zstd Parquet, whole or not at all."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        return self.write_bytes(path, sink.getvalue().to_pybytes())

    def write_json(self, path: str, data: Any) -> Evidence:
        """Write JSON (sorted keys), whole or not at all."""
        return self.write_bytes(path, json.dumps(data, sort_keys=True, indent=1).encode())

    def write_bytes(self, path: str, content: bytes) -> Evidence:
        """Write a file, whole or not at all; returns where it lies and its sha256."""
        fs, inner = url_to_fs(path, **(self.storage_options or {}))
        if _is_local(fs):
            os.makedirs(os.path.dirname(inner), exist_ok=True)
            fresh = f"{inner}.{os.getpid()}.fresh"
            with open(fresh, "wb") as file:
                file.write(content)
            os.replace(fresh, inner)
        else:
            fs.pipe_file(inner, content)  # one PUT: an object store shows it whole or not at all
        return self._evidence(path, content)

    def read_table(self, path: str, columns: list[str] | None = None) -> tuple[pa.Table, Evidence]:
        """A table and its evidence; ``MissingEvidence`` when there is no such file."""
        content = self.read_bytes(path)
        table = pq.read_table(pa.BufferReader(content), columns=columns)
        return table, self._evidence(path, content)

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
        fs, inner = url_to_fs(path, **(self.storage_options or {}))
        try:
            if _is_local(fs):
                with open(inner, "rb") as file:
                    return file.read()
            content: bytes = fs.cat_file(inner)
            return content
        except FileNotFoundError:
            raise MissingEvidence(f"{path}: no such file; its asset was not materialised") from None

    def glob(self, pattern: str) -> list[str]:
        """The files that match a pattern below the root, sorted, as paths that can be read."""
        fs, inner = url_to_fs(posixpath.join(self.url, pattern), **(self.storage_options or {}))
        fs.invalidate_cache()  # fsspec remembers listings, other processes write meanwhile
        return sorted(
            found if _is_local(fs) else fs.unstrip_protocol(found) for found in fs.glob(inner)
        )

    def _evidence(self, path: str, content: bytes) -> Evidence:
        return Evidence(posixpath.relpath(path, self.url), sha256(content).hexdigest())


def _is_local(fs: Any) -> bool:
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)
