"""What a load test sends: what was really asked lately, and typical values where that was not kept.

What the privacy policy drops, hashes or encrypts cannot be sent again; nothing is opened for a
test. The bodies are kept nowhere: a record says how many there were, and of what.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.requests import RefusedInput, Requests
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, BadInput

MOST: Final = 1000
"""How many different predictions are asked for, in turn."""
DAYS: Final = 3
"""How many of the latest days of the log are looked at."""
CALL_SITE: Final = "load_test"

_TYPICAL: Final[Mapping[str, Any]] = {"number": 0.0, "category": "typical", "boolean": False}


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is sent: the inputs of predictions as JSON texts, where they are from, and which of them
    are typical values. ``whole`` are bodies that are sent as they are."""

    inputs: tuple[str, ...]
    source: str
    made: tuple[str, ...] = ()
    whole: bool = False

    def single(self) -> list[str]:
        """The bodies of single requests."""
        if self.whole:
            return list(self.inputs)
        return [f'{{"inputs":{one},"call_site":"{CALL_SITE}"}}' for one in self.inputs]

    def batches(self, rows: int) -> list[str]:
        """The bodies of batches of so many rows."""
        count = max(1, len(self.inputs) // rows)
        return [self._batch(number * rows, rows) for number in range(count)]

    def _batch(self, first: int, rows: int) -> str:
        taken = (self.inputs[(first + k) % len(self.inputs)] for k in range(rows))
        listed = ",".join(f'{{"inputs":{one}}}' for one in taken)
        return f'{{"predictions":[{listed}],"call_site":"{CALL_SITE}"}}'


def bodies_of(root: Root, feature: AiFeatureSpec, version: str | None) -> Bodies:
    """The latest logged inputs that can be sent again, else those of the version's reference, else
    values made from what the feature's file declares."""
    rules = feature.privacy.fields
    made = tuple(c.name for c in feature.inputs if rules.get(c.name, "keep") != "keep")
    days, logged = _logged(root, feature)
    if found := _sendable(feature, logged, made):
        return Bodies(found, f"{len(found)} predictions of the log of {days}", made)
    if version and (found := _sendable(feature, _reference(root.registry, feature, version), made)):
        return Bodies(found, f"{len(found)} rows of the reference of version {version}", made)
    every = tuple(column.name for column in feature.inputs)
    (typical,) = _sendable(feature, [{}], every)
    return Bodies((typical,), "one prediction of typical values", every)


def bodies_in(file: Path) -> Bodies:
    """The bodies in a file of JSON lines, sent as they are; ``BadInput`` names the file."""
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        for number, line in enumerate(lines, 1):
            try:
                json.loads(line)
            except ValueError as error:
                raise BadInput(f"--bodies: {file}, line {number}: no JSON: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--bodies: {file} cannot be read: {error}") from None
    if not lines:
        raise BadInput(f"--bodies: {file} is empty; write one request body a line")
    return Bodies(tuple(lines), f"{len(lines)} bodies of a file", whole=True)


def _logged(root: Root, feature: AiFeatureSpec) -> tuple[str, list[Mapping[str, Any]]]:
    """The inputs that were answered on the latest days of the log, and those days in words."""
    files = root.lake.glob(f"{feature.name}/prediction_log/*.parquet")[-DAYS:]
    found: list[Mapping[str, Any]] = []
    for file in files:
        table, _ = root.lake.read_table(file)
        if not {"status", "input"} <= set(table.column_names):
            continue  # a log without raw inputs: what was asked cannot be asked again
        kept = pc.equal(table["status"], "ok")
        if "withheld" in table.column_names:  # else nothing of the day was
            kept = pc.and_(kept, pc.is_null(table["withheld"]))
        told = table.filter(kept)["input"].drop_null()
        chosen = range(0, len(told), max(1, len(told) * DAYS // MOST))
        found += [json.loads(text) for text in told.take(pa.array(chosen, pa.int64())).to_pylist()]
    days = [PurePosixPath(file).stem for file in files]
    return (" to ".join(dict.fromkeys((days[0], days[-1]))) if days else ""), found


def _reference(registry: Registry, feature: AiFeatureSpec, version: str) -> list[Mapping[str, Any]]:
    try:
        table, _ = registry.reference(feature.name, version)
    except AiOpsError:  # without its reference, values are made: the record says so
        return []
    names = [c.name for c in feature.inputs if c.name in table.column_names]
    rows: list[Mapping[str, Any]] = table.slice(0, MOST).select(names).to_pylist()
    return rows


def _sendable(
    feature: AiFeatureSpec, rows: Sequence[Mapping[str, Any]], made: Sequence[str]
) -> tuple[str, ...]:
    """Those of the inputs that the endpoint would take, as JSON."""
    requests = Requests(feature)
    return tuple(_accepted(requests, feature.inputs, rows, made))[:MOST]


def _accepted(
    requests: Requests,
    columns: Sequence[InputColumn],
    rows: Sequence[Mapping[str, Any]],
    made: Sequence[str],
) -> Iterator[str]:
    for row in rows:
        inputs = {
            column.name: _TYPICAL[column.type] if column.name in made else row.get(column.name)
            for column in columns
        }
        try:
            text = json.dumps(inputs, allow_nan=False)
            requests.single(f'{{"inputs":{text}}}'.encode())
        except (RefusedInput, ValueError):
            continue  # asked under another declaration of the inputs: it would be refused now
        yield text
