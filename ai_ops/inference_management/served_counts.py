"""What the log's rows do not tell of serving: who was turned away, and what a witness saw more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

ByWriter = Mapping[str, Mapping[str, Any]]
"""By writer and hour, plain counts or predictions and requests."""


@dataclass(frozen=True)
class Beside:
    """What was counted beside a day's log; None where nobody did.

    ``turned_away`` requests met a server without room (429), as its heartbeats tell. A witness
    counted ``witnessed`` requests, ``not_logged`` of them more than there stand in the log.
    """

    turned_away: int | None = None
    witnessed: int | None = None
    not_logged: int | None = None


def counted_beside(root: Root, feature: str, day: str) -> Beside:
    """What was counted beside the log of a day, as its completeness was written."""
    try:
        data, _ = root.lake.read_json(root.lake.path(feature, "log_completeness", day, "json"))
    except MissingEvidence:
        return Beside()
    told = [change for one in data.get("incarnations", ()) if (change := one.get("change"))]
    turned_away = sum(change.get("turned_away", 0) for change in told) if told else None
    witness = data.get("witness") or {}
    served = _of_day(witness.get("served", {}), day)
    if witness.get("missing") or not served:
        return Beside(turned_away)
    return Beside(turned_away, served, _more(witness["served"], data.get("logged", {}), day))


def _more(served: ByWriter, logged: ByWriter, day: str) -> int:
    """How many requests were served beyond those that were logged: of each writer that the witness
    tells apart, for what another one logged answers for none of its own.

    >>> hour = "2021-03-04T07"
    >>> _more({"a": {hour: 9}}, {"a": {hour: 4}, "b": {hour: 50}}, "2021-03-04")
    5
    >>> _more({"": {hour: 9}}, {"a": {hour: 4}, "b": {hour: 3}}, "2021-03-04")
    2
    """
    of_each = sum(
        max(0, _of_day({name: hours}, day) - _of_day({name: logged.get(name, {})}, day))
        for name, hours in served.items()
        if name
    )
    return max(of_each, _of_day(served, day) - _of_day(logged, day))


def _of_day(by_writer: ByWriter, day: str) -> int:
    """The requests of a day, by writer and hour: plain counts, or predictions and requests.

    >>> hours = {"2021-03-04T23": [9, 5, 0], "2021-03-05T00": [1, 1, 0]}
    >>> _of_day({"web": hours}, "2021-03-04"), _of_day({"": {"2021-03-04T07": 3}}, "2021-03-04")
    (5, 3)
    """
    return sum(
        count if isinstance(count, int) else count[1]
        for hours in by_writer.values()
        for hour, count in hours.items()
        if hour.startswith(day)
    )
