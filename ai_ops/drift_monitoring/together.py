"""Days in groups that are read into memory together."""

from collections.abc import Iterator, Mapping

from ai_ops.drift_monitoring.rows import IN_MEMORY


def together(rows: Mapping[str, int], columns: int) -> Iterator[tuple[list[str], bool]]:
    """The days in groups whose values fit in memory; a day that does not by itself stands alone.

    >>> list(together({"a": 3_000_000, "b": 100, "c": 200, "d": 90_000_000}, 2))
    [(['a', 'b', 'c'], True), (['d'], False)]
    """
    group: list[str] = []
    held = 0
    for day, count in rows.items():
        values = count * max(columns, 1)
        if group and held + values > IN_MEMORY:
            yield group, held <= IN_MEMORY
            group, held = [], 0
        group.append(day)
        held += values
    if group:
        yield group, held <= IN_MEMORY
