"""Which files a feature's log consists of, and where the bloom filters in them lie.

Reading sixty footers costs more than asking sixty files' filters. What the footers tell is kept,
a small file a month, beside the log:

    <lake>/<feature>/prediction_log/filters/<month>.json

It is a cache that can be made again from the files: one that was written anew is read anew.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from ai_ops.prediction_logging.bloom_filters import bitset_size
from ai_ops.prediction_logging.day_metadata import DUPLICATES, LOG, QUARANTINE, READ
from ai_ops.prediction_logging.log_file import LOOKED_UP
from ai_ops.storage.files import Stored
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

FILTERS: Final = "prediction_log/filters"
UNDATED: Final = "undated/latest"
FORMAT: Final = 1

_DAY: Final = len("2021-03-04")
_START: Final = 64
"""Bytes of a filter's begin in which its header surely ends."""


class Filters(msgspec.Struct, frozen=True, array_like=True):
    """Where the filter of a column lies in each row group: the bitset's place and its bytes.

    ``(0, 0)`` stands for a row group without one, which may hold everything.
    """

    column: str
    places: tuple[tuple[int, int], ...]


class LogFile(msgspec.Struct, frozen=True):
    """A file as it was when its footer was read.

    ``read`` is the digest of what it was compacted from, ``repeated`` how many lines of that told
    what another one tells.
    """

    size: int
    state: str
    rows: int
    read: str = ""
    repeated: int = 0
    filters: tuple[Filters, ...] = ()

    def filters_of(self, column: str) -> tuple[tuple[int, int], ...] | None:
        """The places of a column's filters; None when the file has none for it."""
        return next((one.places for one in self.filters if one.column == column), None)


class _Month(msgspec.Struct):
    format: int = FORMAT
    logs: dict[str, LogFile] = {}
    quarantines: dict[str, LogFile] = {}


@dataclass(frozen=True)
class DayFiles:
    """The logs and quarantines of some days, by day; ``undated`` are rows that tell no day."""

    lake: Lake
    feature: str
    logs: Mapping[str, LogFile]
    quarantines: Mapping[str, LogFile]
    undated: LogFile | None

    def path(self, day: str) -> str:
        """Where a day's log lies."""
        return self.lake.path(self.feature, LOG, day)

    def quarantine_path(self, day: str) -> str:
        """Where a day's quarantine lies."""
        return self.lake.path(self.feature, QUARANTINE, day)

    @property
    def undated_path(self) -> str:
        """Where the rows lie that tell no day."""
        return self.lake.path(self.feature, f"{LOG}/undated", None)


def listed(lake: Lake, feature: str) -> Mapping[str, Stored]:
    """The files of a feature's log as they lie now, by their paths below it."""
    return lake.listing(f"{lake.url}/{feature}/{LOG}")


def logged_days(listing: Mapping[str, Stored]) -> list[str]:
    """The days that have a log, in order."""
    names = (name.removesuffix(".parquet") for name in listing if name.endswith(".parquet"))
    return sorted(day for day in names if len(day) == _DAY and "/" not in day)


def day_files(
    lake: Lake, feature: str, days: Collection[str], listing: Mapping[str, Stored] | None = None
) -> DayFiles:
    """The files of these days as they lie now; ``BadInput`` names one that is no Parquet file.

    What the footers tell is read from the cache where the file did not change, and kept there.
    """
    listing = listed(lake, feature) if listing is None else listing
    wanted = set(days)
    logs: dict[str, LogFile] = {}
    quarantines: dict[str, LogFile] = {}
    for month in sorted({day[: len("2021-03")] for day in wanted}):
        known = _kept(lake, feature, month)
        fresh = _Month(
            logs=dict(_looked(lake, feature, LOG, listing, "", month, known.logs)),
            quarantines=dict(
                _looked(lake, feature, QUARANTINE, listing, "quarantine/", month, known.quarantines)
            ),
        )
        if fresh != known:
            _keep(lake, feature, month, fresh)
        logs |= {day: one for day, one in fresh.logs.items() if day in wanted}
        quarantines |= {day: one for day, one in fresh.quarantines.items() if day in wanted}
    undated = None
    if (stored := listing.get(f"{UNDATED}.parquet")) is not None:
        undated = _file(lake, lake.path(feature, f"{LOG}/undated", None), stored)
    return DayFiles(lake, feature, logs, quarantines, undated)


def _looked(
    lake: Lake,
    feature: str,
    asset: str,
    listing: Mapping[str, Stored],
    folder: str,
    month: str,
    known: Mapping[str, LogFile],
) -> Iterator[tuple[str, LogFile]]:
    """Each day of a month that has a file, with what is known of it or read anew."""
    for name, stored in listing.items():
        day = name.removeprefix(folder).removesuffix(".parquet")
        if name != f"{folder}{day}.parquet" or len(day) != _DAY or not day.startswith(month):
            continue
        before = known.get(day)
        if before is None or (before.size, before.state) != (stored.size, stored.state):
            before = _file(lake, lake.path(feature, asset, day), stored)
        yield day, before


def _file(lake: Lake, path: str, stored: Stored) -> LogFile:
    with opened(lake, path) as file:
        try:
            footer = pq.ParquetFile(file).metadata
        except pa.ArrowInvalid as error:
            raise BadInput(
                f"{path}: not a Parquet file ({error}); materialise its day again"
            ) from None
        told = footer.metadata or {}
        return LogFile(
            size=stored.size,
            state=stored.state,
            rows=footer.num_rows,
            read=told.get(READ, b"").decode(),
            repeated=int(told.get(DUPLICATES, b"0")),
            filters=tuple(_filters(file, footer)),
        )


def _filters(file: Any, footer: pq.FileMetaData) -> Iterator[Filters]:
    names = footer.schema.names
    for column in LOOKED_UP:
        if column not in names:
            continue
        at, places = names.index(column), []
        for group in range(footer.num_row_groups):
            chunk = footer.row_group(group).column(at)
            begin, length = chunk.bloom_filter_offset, chunk.bloom_filter_length
            places.append(_place(file, begin, length))
        if any(size for _, size in places):
            yield Filters(column, tuple(places))


def _place(file: Any, begin: int | None, length: int | None) -> tuple[int, int]:
    """Where a filter's bitset begins, and its bytes; nowhere when it cannot be asked."""
    if begin is None or length is None:
        return 0, 0
    file.seek(begin)
    size = bitset_size(file.read(_START))
    return (begin + length - size, size) if 0 < size < length else (0, 0)


@contextmanager
def opened(lake: Lake, path: str) -> Iterator[Any]:
    """A file of the lake, opened to be read in parts; ``MissingEvidence`` when it is gone."""
    fs, inner = url_to_fs(path, **(lake.storage_options or {}))
    try:
        with open(inner, "rb") if lake.is_local else fs.open(inner, "rb") as file:
            yield file
    except FileNotFoundError:
        raise MissingEvidence(f"{path}: gone since it was listed; ask again") from None


def _kept(lake: Lake, feature: str, month: str) -> _Month:
    with suppress(MissingEvidence, msgspec.MsgspecError):
        content = lake.read_bytes(lake.path(feature, FILTERS, month, "json"))
        kept = msgspec.json.decode(content, type=_Month)
        if kept.format == FORMAT:
            return kept
    return _Month()


def _keep(lake: Lake, feature: str, month: str, fresh: _Month) -> None:
    path = lake.path(feature, FILTERS, month, "json")
    # Whoever may only read the lake looks things up all the same, and reads the footers again.
    with suppress(PermissionError):
        lake.write_bytes(path, msgspec.json.encode(fresh))
