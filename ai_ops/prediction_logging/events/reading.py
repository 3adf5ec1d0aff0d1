"""The one door: an existing log of events as rows of the log, file by file, in bounded memory."""

import gc
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import IO, Final, Protocol, cast

import pyarrow as pa
from fsspec.core import url_to_fs

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.prediction_logging.events.gathering import FileBatch
from ai_ops.prediction_logging.events.kserve import KServeEvents
from ai_ops.prediction_logging.events.lines import Line, read_lines
from ai_ops.prediction_logging.events.mapped import Mapped
from ai_ops.prediction_logging.events.mlflow_store import SCHEME, read_traces
from ai_ops.prediction_logging.events.mlflow_traces import MlflowTraces
from ai_ops.prediction_logging.events.otel_genai import GenAiSpans
from ai_ops.prediction_logging.events.sagemaker import Captures, day_of
from ai_ops.prediction_logging.log_columns import LogColumns
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_rows import SourceBatch
from ai_ops.storage.files import options_for, reached
from ai_ops.storage.root import Root
from ai_ops.storage.tables import TableFile, table_files

UNREADABLE_FILE: Final = "unreadable file"

_LINES_AT_ONCE: Final = 5_000
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
_MARGIN: Final = timedelta(days=1)
"""So far a folder's day may be from that of an event in it."""


class _Reader(Protocol):
    """One kind of events; each batch comes with the name of its file."""

    def read(self, file: str, lines: Iterable[Line]) -> Iterator[FileBatch]:
        """The rows of some lines of a file."""

    def rest(self) -> Iterator[FileBatch]:
        """What waited for another file, when there is none any more."""


def event_files(root: Root, feature: AiFeatureSpec, days: Sequence[str] = ()) -> list[TableFile]:
    """The files of a feature's events, sorted; ``MissingEvidence`` where the YAML names none.

    Of capture files only those are needed whose folders lie near the ``days``, if some are given:
    which day an event belongs to, its own time says.
    """
    source = cast(Source, feature.source)
    if source.kind == "mlflow_traces" and source.files.startswith(SCHEME):
        return [TableFile(source.files, source.files, 0, "")]
    files = table_files(root, source.files, "source.files")
    if source.kind != "sagemaker_capture" or not days:
        return files
    near = _near(days)
    return [file for file in files if (day := day_of(file.path)) is None or day in near]


def read_events(
    root: Root, feature: AiFeatureSpec, columns: LogColumns, files: Iterable[TableFile]
) -> Iterator[FileBatch]:
    """The rows of files of events, and what of them is damaged, each with the file's name.

    Batches hold some thousand rows; those of several files come one after the other, and last what
    waited for its other half.
    """
    batches = _batches(root, feature, columns, files)
    while True:
        with _nothing_collected():
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _batches(
    root: Root, feature: AiFeatureSpec, columns: LogColumns, files: Iterable[TableFile]
) -> Iterator[FileBatch]:
    reader = _reader_of(feature, Mapped.of(feature, columns))
    for file in files:
        apart: list[Quarantined] = []
        with _opened_lines(root, file) as lines:
            for some in _some_of(lines, file.name, apart):
                yield from reader.read(file.name, some)
        if apart:
            yield file.name, SourceBatch(pa.table({}), apart)
    yield from reader.rest()


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Without the search for cycles: JSON has none, and looking for them took half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _reader_of(feature: AiFeatureSpec, mapped: Mapped) -> _Reader:
    """What reads the events of a feature's kind."""
    reader: _Reader = _READERS[cast(Source, feature.source).kind](mapped)
    return reader


def _some_of(lines: Iterator[Line], name: str, apart: list[Quarantined]) -> Iterator[list[Line]]:
    """Lines by the thousand, or as many as a batch may weigh.

    A file that breaks off is told in ``apart``; what could be read of it stands.
    """
    some: list[Line] = []
    weight = 0
    try:
        for line in lines:
            some.append(line)
            weight += len(line.raw)
            if len(some) >= _LINES_AT_ONCE or weight >= _BYTES_AT_ONCE:
                yield some
                some, weight = [], 0
    except (EOFError, zlib.error, OSError) as error:
        apart.append(Quarantined(UNREADABLE_FILE, name, f"it breaks off: {error}"))
    if some:
        yield some


@contextmanager
def _opened_lines(root: Root, file: TableFile) -> Iterator[Iterator[Line]]:
    """The events of a file, or of an experiment in the root's tracking store."""
    if file.path.startswith(SCHEME):
        yield read_traces(root.registry.uri, file.name)
        return
    options = None if file.is_local else options_for(file.path, root.environment)
    fs, inner = url_to_fs(file.path, **(options or {}))
    with reached(file.path, remote=not file.is_local):
        opened: IO[bytes] = fs.open(inner, "rb", compression="infer")
    with opened:
        yield read_lines(opened)


def _near(days: Sequence[str]) -> frozenset[str]:
    every = [date.fromisoformat(day) for day in days]
    steps = (-_MARGIN, timedelta(0), _MARGIN)
    return frozenset((day + step).isoformat() for day in every for step in steps)


_READERS: Final[Mapping[str, Callable[[Mapped], _Reader]]] = {
    "sagemaker_capture": Captures,
    "kserve_events": KServeEvents,
    "mlflow_traces": MlflowTraces,
    "otel_genai": GenAiSpans,
}
