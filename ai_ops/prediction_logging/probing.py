"""Which days may hold a value, by the bloom filters of their logs: 32 bytes read a row group."""

import os
from collections.abc import Iterator, Sequence

from fsspec.core import url_to_fs

from ai_ops.prediction_logging.bloom_filters import BLOCK, block_of, hash_of, mask_of, may_hold
from ai_ops.prediction_logging.day_files import DayFiles
from ai_ops.storage.files import reached
from ai_ops.vocabulary.errors import MissingEvidence

Range = tuple[int, int]


def days_that_may_hold(files: DayFiles, column: str, values: Sequence[str]) -> list[str]:
    """The days of whose logs a filter does not say that none of these values is in the column.

    A log without filters of that column may hold everything.
    """
    asked = [(hashed, mask_of(hashed)) for hashed in map(hash_of, values)]
    return [day for day in sorted(files.logs) if _may_hold(files, day, column, asked)]


def _may_hold(files: DayFiles, day: str, column: str, asked: Sequence[tuple[int, int]]) -> bool:
    log = files.logs[day]
    places = log.filters_of(column)
    if places is None or any(size == 0 for _, size in places):
        return log.rows > 0
    ranges = [
        (begin + block_of(hashed, size), mask) for begin, size in places for hashed, mask in asked
    ]
    blocks = _read(files, files.path(day), [begin for begin, _ in ranges])
    return any(may_hold(block, mask) for block, (_, mask) in zip(blocks, ranges, strict=True))


def _read(files: DayFiles, path: str, begins: Sequence[int]) -> Iterator[bytes]:
    try:
        if files.lake.is_local:
            yield from _read_here(path, begins)
            return
        fs, inner = url_to_fs(path, **(files.lake.storage_options or {}))
        ends = [begin + BLOCK for begin in begins]
        with reached(path):
            yield from fs.cat_ranges([inner] * len(begins), list(begins), ends)
    except FileNotFoundError:
        raise MissingEvidence(f"{path}: gone since it was listed; ask again") from None


def _read_here(path: str, begins: Sequence[int]) -> Iterator[bytes]:
    file = os.open(path, os.O_RDONLY)
    try:
        for begin in begins:
            yield os.pread(file, BLOCK, begin)
    finally:
        os.close(file)
