"""What is normal where nobody here trains the model: the reference that the YAML declares.

``reference_set`` keeps it, made once from a reference set of one's own or from days of the log:
``id``, ``time`` (null throughout where the set tells none), ``model_version``, ``input_*`` and
``output_*``. The labels of days of the log become known later and are looked up when asked for.
"""

import json
from hashlib import sha256
from typing import Final

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import ReferenceSource
from ai_ops.storage.known_labels import with_labels
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

REFERENCE_SET: Final = "reference_set"
DECLARED: Final = "declared"
"""What stands where a version's reference would name the version."""

MADE_BY: Final = b"ai_ops.declaration"
"""Key of the table's metadata under which the digest of its declaration stands."""
READ: Final = b"ai_ops.read"
"""Key under which stands what it was read from: [[source, digest or size], …] as JSON."""


def reference_table(root: Root, feature: AiFeatureSpec) -> tuple[pa.Table, str]:
    """The declared reference with its labels, and the digest of what it holds besides them.

    ``label`` is as it was found (null where none is known), ``available_at`` when it became known
    (null in a reference set without it). ``MissingEvidence`` names what to declare or to
    materialise.
    """
    table, digest = reference_rows(root, feature)
    declared = feature.reference
    if "label" in table.column_names or not feature.labelled or declared is None:
        return table, digest
    return with_labels(root, feature, table, days_of(declared)), digest


def reference_rows(root: Root, feature: AiFeatureSpec) -> tuple[pa.Table, str]:
    """The declared reference as it was made, and the digest of its file."""
    declaration = declaration_of(feature)
    path = root.lake.path(feature.name, REFERENCE_SET, None)
    try:
        table, evidence = root.lake.read_table(path)
    except MissingEvidence:
        raise MissingEvidence(_why_absent(root, feature, declaration)) from None
    made_by = (table.schema.metadata or {}).get(MADE_BY, b"").decode()
    if made_by != declaration:
        why = _why_absent(root, feature, declaration)
        raise MissingEvidence(f"{why} (it was made by an earlier declaration)")
    return table.replace_schema_metadata(None), evidence.digest


def write_reference(
    root: Root, feature: AiFeatureSpec, table: pa.Table, read: list[list[str]]
) -> Evidence:
    """Keep the declared reference, with what it was made by and read from."""
    told = {MADE_BY: declaration_of(feature), READ: json.dumps(read)}
    path = root.lake.path(feature.name, REFERENCE_SET, None)
    return root.lake.write_table(path, table.replace_schema_metadata(told))


def keep_problem(root: Root, feature: AiFeatureSpec, problem: str) -> None:
    """Keep why the declared reference could not be read, for whoever asks for it."""
    if feature.reference is not None:
        told = {"problem": problem, "declaration": declaration_of(feature)}
        root.lake.write_json(root.lake.path(feature.name, REFERENCE_SET, None, "json"), told)


def _why_absent(root: Root, feature: AiFeatureSpec, declaration: str) -> str:
    try:
        told, _ = root.lake.read_json(root.lake.path(feature.name, REFERENCE_SET, None, "json"))
    except MissingEvidence:
        told = {}
    if told.get("declaration") == declaration:
        return f"the declared reference cannot be read: {told['problem']}"
    return f"{feature.name}: the declared reference was not read yet; materialise {REFERENCE_SET}"


def declaration_of(feature: AiFeatureSpec) -> str:
    """The digest of all that says what the reference is; ``MissingEvidence`` without one.

    What says how it is judged (``drift``) is not among it.
    """
    if feature.reference is None:
        raise MissingEvidence(
            f"{feature.name}: nothing says what is normal: somebody else trains the model and the "
            "YAML declares no `reference`; name reference.files, or reference.first_day and "
            "reference.last_day of days of the log (four weeks at least)"
        )
    parts = {"reference", "source", "inputs", "outputs"}
    told = json.dumps(feature.model_dump(mode="json", include=parts), sort_keys=True)
    return sha256(told.encode()).hexdigest()[:16]


def days_of(declared: ReferenceSource) -> list[str]:
    """The days of the log that are the reference; none where it is a set of its own.

    >>> from datetime import date
    >>> days_of(ReferenceSource(first_day=date(2021, 2, 28), last_day=date(2021, 3, 1)))
    ['2021-02-28', '2021-03-01']
    """
    if declared.first_day is None or declared.last_day is None:
        return []
    first, last = Window.of_day(declared.first_day), Window.of_day(declared.last_day)
    return list(Window(first.start, last.end).days())
