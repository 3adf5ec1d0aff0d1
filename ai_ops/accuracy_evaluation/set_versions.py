"""The versions of a month's labelled evaluation set in the lake: each kept, none overwritten.

``<month>.json`` lists them; ``<month>.v3.json`` is the record of the third, and
``<month>.<digest>.parquet`` holds the rows of every version with that content.
"""

import posixpath
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final

import msgspec
import pyarrow as pa

from ai_ops.accuracy_evaluation.set_records import Change, EvaluationSet, Manifest, SetVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

ASSET: Final = "labelled_evaluation_set"
NAMED_BY: Final = 16
"""So many digits of the content's digest are in a file's name."""


def content_of(rows: pa.Table) -> str:
    """The sha256 of rows with all their columns, in whatever order they stand.

    >>> one = pa.table({"id": ["a", "b"], "label": [True, False]})
    >>> content_of(one) == content_of(one.take([1, 0])) != content_of(one.slice(0, 1))
    True
    """
    digest = sha256(msgspec.json.encode(rows.column_names))
    for row in rows.sort_by("id").to_pylist():
        digest.update(msgspec.json.encode(row) + b"\n")
    return digest.hexdigest()


def read_manifest(root: Root, feature: str, month: str) -> Manifest:
    """Every version of a month's set; ``MissingEvidence`` when none was ever made."""
    path = root.lake.path(feature, ASSET, month, "json")
    data, _ = root.lake.read_json(path)
    if "versions" not in data:
        raise MissingEvidence(f"{path}: made before sets had versions; materialise {ASSET} again")
    return msgspec.convert(data, Manifest)


def read_record(root: Root, version: SetVersion) -> tuple[EvaluationSet, Evidence]:
    """What one version holds, as it was recorded, and its evidence."""
    data, evidence = root.lake.read_json(_absolute(root, version.record_file))
    return msgspec.convert(data, EvaluationSet), evidence


def read_version_rows(root: Root, version: SetVersion) -> tuple[pa.Table, Evidence]:
    """The rows of one version as they lie there now, and their evidence."""
    return root.lake.read_table(_absolute(root, version.rows_file))


def keep_version(root: Root, found: EvaluationSet, rows: pa.Table) -> tuple[SetVersion, bool]:
    """The version with these rows and this record, and whether it is a new one.

    What the moment's latest version holds already is no other version: nothing is written.
    """
    manifest = _manifest(root, found)
    latest = manifest.known(found.as_of)
    content = content_of(rows)
    if latest is not None and latest.content == content:
        before, _ = read_record(root, latest)
        if _told(before) == _told(replace(found, content=content)):
            _keep_rows(root, latest, rows)
            return latest, False
    number = len(manifest.versions) + 1
    month, feature = found.month, found.feature
    rows_path = root.lake.path(feature, ASSET, f"{month}.{content[:NAMED_BY]}")
    record_path = root.lake.path(feature, ASSET, f"{month}.v{number}", "json")
    version = SetVersion(
        version=number,
        as_of=found.as_of,
        rows=rows.num_rows,
        digest=found.digest,
        content=content,
        rows_file=posixpath.relpath(rows_path, root.lake.url),
        record_file=posixpath.relpath(record_path, root.lake.url),
        change=_change(root, latest, rows),
    )
    _keep_rows(root, version, rows)
    record = replace(found, version=number, content=content)
    root.lake.write_json(record_path, msgspec.to_builtins(record))
    listed = replace(manifest, versions=[*manifest.versions, version])
    root.lake.write_json(root.lake.path(feature, ASSET, month, "json"), msgspec.to_builtins(listed))
    return version, True


def _manifest(root: Root, found: EvaluationSet) -> Manifest:
    try:
        return read_manifest(root, found.feature, found.month)
    except MissingEvidence:
        return Manifest(found.feature, found.month)


def _told(found: EvaluationSet) -> EvaluationSet:
    """What tells a version from another: not when it was made, and of which files."""
    never = datetime.min
    return replace(found, as_of=never, label_cutoff=never, read=[], version=0)


def _change(root: Root, before: SetVersion | None, rows: pa.Table) -> Change:
    if before is None or not _lies(root, before):
        return Change(added=rows.num_rows)
    table, _ = read_version_rows(root, before)
    known = dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True))
    now = dict(zip(rows["id"].to_pylist(), rows["label"].to_pylist(), strict=True))
    return Change(
        added=len(now.keys() - known.keys()),
        revised=sum(now[id] != known[id] for id in now.keys() & known.keys()),
        withdrawn=len(known.keys() - now.keys()),
        since=before.version,
    )


def _keep_rows(root: Root, version: SetVersion, rows: pa.Table) -> None:
    """The rows in the file of their content, written once; what was changed there is put right."""
    if not _lies(root, version):
        root.lake.write_table(_absolute(root, version.rows_file), rows)


def _lies(root: Root, version: SetVersion) -> bool:
    """Whether the version's file holds what its name says."""
    try:
        return content_of(read_version_rows(root, version)[0]) == version.content
    except (MissingEvidence, pa.ArrowInvalid):
        return False


def _absolute(root: Root, path: str) -> str:
    return posixpath.join(root.lake.url, path)
