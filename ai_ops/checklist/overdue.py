"""Lines of the lists that nobody signed off in time, and owners who signed nothing for a cycle.

The latest list that was signed speaks for those before it: nobody is asked to sign the past.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.items import Item
from ai_ops.checklist.monthly import MONTHLY
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.storage.marks import first_recorded
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence

NAMED = {"weekly": "week", "monthly": "month"}


@dataclass(frozen=True, slots=True)
class Overdue:
    """A line that its owner did not sign off in time: the oldest such list (``partition``), how
    many ``lists`` wait by now, and how many ``days`` the oldest is late."""

    item: str
    cadence: Cadence
    partition: str
    owner: str
    days: int
    lists: int = 1

    @property
    def words(self) -> str:
        """It in words.

        >>> Overdue("logs_written", "weekly", "2021-03-01", "ann@example.com", 8, 2).words
        'not signed off by ann@example.com since the week of 2021-03-01: 8 days late (2 lists)'
        """
        late = f"{plural(self.days, 'day')} late" if self.days else "due today"
        more = f" ({plural(self.lists, 'list')})" if self.lists > 1 else ""
        return (
            f"not signed off by {self.owner} since the {NAMED[self.cadence]} of "
            f"{self.partition}: {late}{more}"
        )


@dataclass(frozen=True, slots=True)
class Silent:
    """An owner who signed no line of a list since the one of ``partition``: all are overdue."""

    owner: str
    cadence: Cadence
    partition: str
    items: tuple[str, ...]

    @property
    def words(self) -> str:
        """It in words.

        >>> Silent("ann@example.com", "monthly", "2021-03-01", ("log_audited",)).words
        'ann@example.com signed nothing since the month of 2021-03-01: log_audited'
        """
        cycle = f"{NAMED[self.cadence]} of {self.partition}"
        return f"{self.owner} signed nothing since the {cycle}: {', '.join(self.items)}"


def lists_since(root: Root) -> datetime | None:
    """Since when a live root's lists could be signed; None in a replay, which lives its days."""
    return first_recorded(root.ledger) if root.ledger.mode() == "live" else None


def overdue_of(
    feature: AiFeatureSpec,
    standing: Standing,
    as_of: datetime,
    *,
    known_since: datetime | None = None,
) -> tuple[Overdue, ...]:
    """The lines of weekly and monthly lists that are overdue at a moment, the latest first.

    ``standing`` is the one that a list believes, without decisions that nobody signed. Lists are
    due from the launch on; of a model that others launch, from the beginning of its monitoring, or
    since when its ledger is there (``known_since``): history that came in later was never shown.
    """
    found = []
    for item in (*WEEKLY, *MONTHLY):
        late = _unsigned(feature, standing, item, as_of, known_since)
        if late:
            deadline = late[0].end + timedelta(days=feature.sign_off_within_days)
            found.append(
                Overdue(
                    item.id,
                    item.cadence,
                    late[0].start.date().isoformat(),
                    feature.owner_of(item.domain).accountable,
                    (as_of - deadline).days,
                    len(late),
                )
            )
    return tuple(sorted(found, key=lambda one: -one.days))


def silent_owners(feature: AiFeatureSpec, overdue: Iterable[Overdue]) -> tuple[Silent, ...]:
    """The owners of whom every line of a list is overdue, list by list."""
    late = {one.item: one for one in overdue}
    found = []
    for items in (WEEKLY, MONTHLY):
        owned: dict[str, list[str]] = {}
        for item in items:
            owned.setdefault(feature.owner_of(item.domain).accountable, []).append(item.id)
        for owner, own in owned.items():
            if late.keys() >= set(own):
                since = max(late[item].partition for item in own)
                found.append(Silent(owner, items[0].cadence, since, tuple(own)))
    return tuple(found)


def _unsigned(
    feature: AiFeatureSpec,
    standing: Standing,
    item: Item,
    as_of: datetime,
    known_since: datetime | None,
) -> list[Window]:
    """The lists that are due and were signed neither themselves nor by a later one's sign-off."""
    signed = [
        (one.at, window)
        for one in standing.sign_offs
        if (one.item, one.domain, one.cadence) == (item.id, item.domain, item.cadence)
        and one.at <= as_of
        and (window := _named(item.cadence, one.partition)) is not None
    ]
    # A list that was not over yet was not seen by whoever signed it.
    last = max((window.end for at, window in signed if window.end <= at), default=None)
    return [
        window
        for window in _due(feature, standing, item.cadence, as_of, known_since)
        if last is None or window.end > last
        if not _waived(standing, item, window)
    ]


def _waived(standing: Standing, item: Item, window: Window) -> bool:
    """Whether the item's owner excused it when the list was made: that is a signature as well."""
    return standing.waiver(item.id, item.domain, window.end) is not None


def _due(
    feature: AiFeatureSpec,
    standing: Standing,
    cadence: Cadence,
    as_of: datetime,
    known_since: datetime | None,
) -> Iterator[Window]:
    """The lists of a cadence that had to be signed by a moment, oldest first."""
    begin = _begin(feature, standing, known_since)
    if begin is None:
        return
    first = begin.date()
    day = first.replace(day=1) if cadence == "monthly" else first - timedelta(first.weekday())
    window = _window(cadence, day)
    end = feature.monitoring.end
    while window.end + timedelta(days=feature.sign_off_within_days) <= as_of:
        if end is not None and window.start.date() >= end:
            return
        yield window
        window = _window(cadence, window.end.date())


def _begin(
    feature: AiFeatureSpec, standing: Standing, known_since: datetime | None
) -> datetime | None:
    """Since when lists are signed off; None before a launch that is to come."""
    if standing.launched is not None:
        return standing.launched.at
    if feature.trained_here:
        return None
    start = Window.of_day(feature.monitoring.start).start
    return start if known_since is None else max(start, known_since)


def _named(cadence: Cadence, partition: str | None) -> Window | None:
    """The list that a sign-off names; None where it names none."""
    try:
        first = date.fromisoformat(partition or "")
        return None if cadence == "weekly" and first.weekday() else _window(cadence, first)
    except ValueError:
        return None


def _window(cadence: Cadence, first: date) -> Window:
    return Window.of_month(first) if cadence == "monthly" else Window.of_week(first)
