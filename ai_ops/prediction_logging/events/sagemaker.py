"""SageMaker's Data Capture: JSON lines of what an endpoint was sent and what it answered.

Files lie at ``…/endpoint/variant/yyyy/mm/dd/hh/name.jsonl``, by the hour of the call. A payload is
CSV, JSON, or either of them in base64, as ``encoding`` says; base64 is what SageMaker writes for
every type of content that ``CaptureContentTypeHeader`` does not name.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html

Paths of ``source.columns`` lead into the line (``eventMetadata.customAttributes.0``), beside which
stand ``endpoint`` and ``variant``, as the folders name them.
"""

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ai_ops.prediction_logging.events import json_rows
from ai_ops.prediction_logging.events.building import Sides, build
from ai_ops.prediction_logging.events.csv_rows import split
from ai_ops.prediction_logging.events.gathering import FileBatch, WholeEvents
from ai_ops.prediction_logging.events.lines import Line, damaged
from ai_ops.prediction_logging.events.mapped import (
    OTHER_EVENT,
    UNREADABLE_PAYLOAD,
    Event,
    Mapped,
    set_apart,
)
from ai_ops.prediction_logging.events.payloads import Unreadable
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_rows import SourceBatch

_FOLDERS: Final = re.compile(
    r"(?:^|/)(?P<endpoint>[^/]+)/(?P<variant>[^/]+)/"
    r"(?P<day>\d{4}/\d{2}/\d{2})/(?P<hour>\d{2})/[^/]+$"
)
_INPUT: Final = "captureData.endpointInput"
_OUTPUT: Final = "captureData.endpointOutput"


@dataclass(frozen=True, slots=True)
class _Captured:
    """A line with both payloads: ``lanes`` says whether each is CSV."""

    event: Event
    lanes: tuple[bool, bool]
    asked: str
    answered: str


def day_of(file: str) -> str | None:
    """The day whose folder a capture file lies in; None where the folders tell none.

    >>> day_of("s3://b/capture/loans/AllTraffic/2021/03/04/12/part.jsonl")
    '2021-03-04'
    """
    found = _FOLDERS.search(file)
    return found["day"].replace("/", "-") if found else None


class Captures(WholeEvents):
    """Reads capture files; events of like payloads are read together."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped

    def read(self, file: str, lines: Iterable[Line]) -> Iterator[FileBatch]:
        """The rows of some lines of a capture file."""
        folders = _FOLDERS.search(file)
        named = {one: folders[one] for one in ("endpoint", "variant")} if folders else {}
        version = self._mapped.version(named.get("variant"))
        quarantined: list[Quarantined] = []
        lanes: dict[tuple[bool, bool], list[_Captured]] = defaultdict(list)
        for line in lines:
            if line.problem is not None:
                quarantined.append(damaged(line, file))
                continue
            event = _event(line, named, version)
            try:
                one = _captured(event)
            except Unreadable as error:
                reason = OTHER_EVENT if error.field == "captureData" else UNREADABLE_PAYLOAD
                quarantined.append(set_apart(file, event, reason, error))
            else:
                lanes[one.lanes].append(one)
        for lane, captured in lanes.items():
            yield file, _of_lane(self._mapped, file, captured, lane)
        if quarantined:
            yield file, SourceBatch(pa.table({}), quarantined)


def _event(line: Line, named: Mapping[str, str], version: str) -> Event:
    document = line.document if isinstance(line.document, dict) else {}
    told = document.get("eventMetadata")
    metadata = told if isinstance(told, dict) else {}
    usual = {
        "id": metadata.get("inferenceId") or metadata.get("eventId"),
        "request_id": metadata.get("eventId"),
        "model_version": version,
    }
    when = ("eventMetadata.inferenceTime", metadata.get("inferenceTime"))
    document.update(named)
    return Event(line.number, line.raw, document, when, usual)


def _captured(event: Event) -> _Captured:
    captured = event.document.get("captureData")
    if not isinstance(captured, dict):
        raise Unreadable("captureData", "missing: no event of Data Capture")
    is_csv, asked = _payload(captured.get("endpointInput"), _INPUT)
    answer_is_csv, answered = _payload(captured.get("endpointOutput"), _OUTPUT)
    return _Captured(event, (is_csv, answer_is_csv), asked, answered)


def _payload(told: Any, field: str) -> tuple[bool, str]:
    """Whether a payload is CSV, and its text."""
    if not isinstance(told, dict):
        raise Unreadable(field, "missing: was it not captured?")
    encoding, data = told.get("encoding"), told.get("data")
    if not isinstance(data, str):
        raise Unreadable(f"{field}.data", "missing" if data is None else "no text")
    if encoding == "CSV":
        return True, data
    if encoding == "JSON":
        return False, data
    if encoding != "BASE64":
        raise Unreadable(f"{field}.encoding", f"unknown: {encoding!r} (know CSV, JSON and BASE64)")
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"{field}.data", f"no text in base64 ({error})") from error
    kind = str(told.get("observedContentType") or "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        return True, text
    if kind.endswith("json"):
        return False, text
    if kind not in ("", "application/octet-stream"):
        words = f"neither CSV nor JSON: {kind!r}"
        raise Unreadable(f"{field}.observedContentType", words)
    return not text.lstrip().startswith(("{", "[")), text


def _of_lane(
    mapped: Mapped, file: str, captured: Sequence[_Captured], lane: tuple[bool, bool]
) -> SourceBatch:
    """The rows of events whose payloads are of the same form."""
    read_asked, read_answered = (split if is_csv else json_rows.read for is_csv in lane)
    asked = read_asked(mapped.inputs, [one.asked for one in captured], f"{_INPUT}.data")
    told = [one.answered for one in captured]
    answered = read_answered(mapped.outputs, told, f"{_OUTPUT}.data", asked.counts)
    problems = {**answered.wrong, **asked.wrong}
    for place in np.flatnonzero(asked.counts != answered.counts).tolist():
        words = f"{asked.counts[place]} rows were asked and {answered.counts[place]} answered"
        problems.setdefault(place, f"{_OUTPUT}.data: {words}")
    stands = np.ones(len(captured), np.bool_)
    stands[list(problems)] = False
    events = [captured[place].event for place in np.flatnonzero(stands).tolist()]
    sides = Sides(asked.counts[stands], asked.side(stands), answered.side(stands))
    batch = build(mapped, file, events, sides)
    damaged = [
        set_apart(file, captured[place].event, UNREADABLE_PAYLOAD, problem)
        for place, problem in sorted(problems.items())
    ]
    return SourceBatch(batch.table, [*batch.quarantined, *damaged])
