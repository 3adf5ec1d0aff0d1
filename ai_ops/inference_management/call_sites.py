"""How each call site asks, one by one or in batches, beside what was signed of it.

Whether a call waits for its answer is decided by whoever owns the caller. What was decided is
signed, and held against what the log saw since.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_rollup import read_rollup
from ai_ops.storage.believed import Void, believed
from ai_ops.storage.decided_records import CallSiteMode
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import EventKind, Mode

DECIDED: Final = frozenset[EventKind]({"call_site_mode"})

DAYS: Final = 30
"""So many days of the log are looked at."""


@dataclass(frozen=True, slots=True)
class SiteDay:
    """What a call site asked on one day, in one mode; those that named none have no name."""

    call_site: str
    day: str
    mode: str
    rows: int


@dataclass(frozen=True, slots=True)
class SiteMode:
    """A call site: its predictions by the mode that the log names, and what was signed of it.

    ``against`` are the predictions that were asked otherwise than signed, after the day of the
    signature, and ``since`` the first day of them.
    """

    call_site: str
    sync: int
    batch: int
    last_day: str | None
    decided: CallSiteMode | None = None
    against: int = 0
    since: str | None = None

    @property
    def contradiction(self) -> str | None:
        """What the log says against the signature, in words; None where it says nothing."""
        if self.decided is None or not self.against:
            return None
        other = "one by one" if self.decided.mode == "batch" else "in batches"
        return (
            f"{self.call_site} was signed {self.decided.mode} by {self.decided.by} on "
            f"{self.decided.at:%Y-%m-%d}, and asked {self.against} times {other} since {self.since}"
        )


@dataclass(frozen=True, slots=True)
class CallSites:
    """The call sites of some days: those that asked, and those of which something was signed."""

    first_day: str
    last_day: str
    sites: tuple[SiteMode, ...]
    missing: tuple[str, ...] = ()
    void: tuple[Void, ...] = ()


def call_sites(root: Root, feature: AiFeatureSpec, as_of: datetime, days: int = DAYS) -> CallSites:
    """The call sites of the last whole days before a moment, those with most predictions first."""
    window = Window.trailing(as_of.date() - timedelta(days=1), days=days)
    seen, missing = [], []
    monitored = [day for day in window.days() if feature.monitoring.holds(day)]
    for day in monitored:
        try:
            seen += _asked(root, feature, day)
        except MissingEvidence:
            missing.append(day)
    standing, void = believed(root, feature, kinds=DECIDED)
    decided = {one.call_site: one for one in standing.call_site_modes if one.at <= as_of}
    first, *_ = monitored or [window.start.date().isoformat()]
    last = monitored[-1] if monitored else first
    return CallSites(first, last, sites_of(seen, decided), tuple(missing), void)


def sites_of(seen: Iterable[SiteDay], decided: Mapping[str, CallSiteMode]) -> tuple[SiteMode, ...]:
    """What was seen of each call site, beside the newest decision on it."""
    by_site: dict[str, list[SiteDay]] = {name: [] for name in decided}
    for one in seen:
        by_site.setdefault(one.call_site, []).append(one)
    sites = [_site(name, days, decided.get(name)) for name, days in by_site.items()]
    return tuple(sorted(sites, key=lambda one: (-one.sync - one.batch, one.call_site)))


def _site(name: str, days: list[SiteDay], decided: CallSiteMode | None) -> SiteMode:
    against = (
        [one for one in days if one.mode != decided.mode and one.day > f"{decided.at:%Y-%m-%d}"]
        if decided
        else []
    )
    return SiteMode(
        name,
        _rows(days, "sync"),
        _rows(days, "batch"),
        max((one.day for one in days), default=None),
        decided,
        sum(one.rows for one in against),
        min((one.day for one in against), default=None),
    )


def _rows(days: Iterable[SiteDay], mode: Mode) -> int:
    return sum(one.rows for one in days if one.mode == mode)


def _asked(root: Root, feature: AiFeatureSpec, day: str) -> list[SiteDay]:
    table, _ = read_rollup(root.lake, feature.name, day)
    kept = table.select(["call_site", "mode", "rows"]).to_pylist()
    return [
        SiteDay(row["call_site"] or "", day, row["mode"], row["rows"])
        for row in kept
        if row["mode"]
    ]
