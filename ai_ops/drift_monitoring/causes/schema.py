"""The schema of the log: columns that came, went or changed their type with the change."""

from collections.abc import Mapping

from ai_ops.drift_monitoring.causes.signs import Sign


def schema(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> Sign | None:
    """What changed in the columns of the log, column → type, that bears on one of them.

    That the column itself is gone or of another type is a break. Columns beside it that came or
    went are told, for they often name the release that changed it.

    >>> schema("input_a", {"input_a": "double"}, {"input_a": "string"}).words
    'its type changed in the log from double to string'
    >>> schema("input_a", {"input_a": "double"}, {"input_a": "double"}) is None
    True
    >>> schema("input_a", {"input_a": "double"}, {"input_a": "double", "input_b": "double"}).words
    'the log gained input_b when it moved'
    """
    if not before or not now:
        return None
    if name in before and name not in now:
        return Sign("schema", "bad_data", 0.95, "the log does not have the column any more")
    was, is_ = before.get(name), now.get(name)
    if was is not None and was != is_ and "null" not in (was, is_):
        words = f"its type changed in the log from {was} to {is_}"
        return Sign("schema", "bad_data", 0.85, words, {"was": was, "is": is_})
    came, went = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    told = [
        f"{verb} {', '.join(columns)}" for verb, columns in (("gained", came), ("lost", went))
        if columns
    ]  # fmt: skip
    if not told:
        return None
    return Sign("schema", "bad_data", 0.3, f"the log {' and '.join(told)} when it moved")
