"""Was every prediction answered by the version that was live then? Judged from the ledger's moves.

A server polls for the version that is live and loads it: for a while after a move the one before
it may answer, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

SKEW: Final = timedelta(seconds=5)
"""How far the clocks of two machines may differ: the ledger's of a move, a server's of a record."""


@dataclass(frozen=True, slots=True)
class Reign:
    """A version that is live until the next one is; without a begin it is in rehearsal."""

    version: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """When a version may answer: half of it open where it has no begin or no end."""

    version: str
    begin: datetime | None
    end: datetime | None


def allowed(reigns: Sequence[Reign], grace: timedelta) -> list[Allowed]:
    """When each version may answer: while it is live, and for ``grace`` after the next move.

    >>> noon = datetime.fromisoformat("2021-03-04T12:00+00:00")
    >>> first, second = allowed((Reign("1", None), Reign("2", noon)), timedelta(minutes=1))
    >>> first.begin, str(first.end), str(second.begin), second.end
    (None, '2021-03-04 12:01:00+00:00', '2021-03-04 11:59:55+00:00', None)
    """
    ends = [*(reign.since for reign in reigns[1:]), None]
    return [
        Allowed(
            reign.version,
            None if reign.since is None else reign.since - SKEW,
            None if end is None else end + grace,
        )
        for reign, end in zip(reigns, ends, strict=True)
    ]


def judge_versions(
    log: pa.Table, reigns: Sequence[Reign], grace: timedelta, window: Window
) -> Verdict:
    """Judge a day's records by the versions that were live.

    ``log`` has the columns ``time``, ``model_version`` and ``status``.
    ``reigns`` are in order of time. What was there before the launch is told by the registry's
    alias alone, which has no history: another version is then no evidence, rather than wrong.
    """
    named = log.filter(pc.is_valid(log["model_version"]))
    answers = log.filter(pc.equal(log["status"], "ok"))
    unnamed = int(answers["model_version"].null_count)
    rows = named.num_rows + unnamed
    counts = _counts(named)
    observed: dict[str, Observed] = {
        **{f"version_{version}": n for version, n in counts.items()},
        "without_version": unnamed,
    }
    if not rows:
        reason = "no record of this day names a version"
        return Verdict.lacking(reason, "version", window=window, observed=observed)
    if not reigns:
        reason = (
            f"no book tells which version was live or in rehearsal ({_told(counts)}); launch one "
            "with `ai-ops launch`"
        )
        return Verdict.lacking(
            reason, "version", window=window, sample_size=rows, observed=observed
        )
    wrong = _outside(named, allowed(reigns, grace))
    before, after = _by_launch(wrong, reigns)
    findings = [
        _wrong(after.filter(pc.equal(after["model_version"], version)), version, reigns, window)
        for version in _counts(after)
    ]
    if unnamed:
        reason = f"{unnamed} answers do not name the version that gave them"
        findings.append(Finding("version", "fail", reason, window=window, size=unnamed))
    if findings:
        reason = "; ".join(finding.reason for finding in findings[:3])
        return Verdict.failing(reason, *findings, sample_size=rows, observed=observed)
    if before.num_rows:
        reason = (
            f"before the launch {_told(_counts(before))}, and the books know of version "
            f"{reigns[0].version} only: the registry's alias has no history"
        )
        return Verdict.lacking(
            reason, "version", window=window, sample_size=rows, observed=observed
        )
    reason = f"every record names the version that was live at its time: {_told(counts)}"
    return Verdict.passing(reason + _moves(reigns, window), sample_size=rows, observed=observed)


def _outside(named: pa.Table, spans: Sequence[Allowed]) -> pa.Table:
    """The records whose version was not allowed at their time."""
    within = pa.array([False] * named.num_rows)
    for span in spans:
        here = pc.equal(named["model_version"], span.version)
        if span.begin is not None:
            here = pc.and_(here, pc.greater_equal(named["time"], pa.scalar(span.begin)))
        if span.end is not None:
            here = pc.and_(here, pc.less_equal(named["time"], pa.scalar(span.end)))
        within = pc.or_(within, here)
    return named.filter(pc.invert(within))


def _by_launch(records: pa.Table, reigns: Sequence[Reign]) -> tuple[pa.Table, pa.Table]:
    """The records before the launch, as far as the reigns know of it, and those since."""
    moved = [reign.since for reign in reigns if reign.since is not None]
    if reigns[0].since is not None:
        return records.slice(0, 0), records
    if not moved:
        return records, records.slice(0, 0)
    since = pc.greater_equal(records["time"], pa.scalar(moved[0]))
    return records.filter(pc.invert(since)), records.filter(since)


def _wrong(records: pa.Table, version: str, reigns: Sequence[Reign], window: Window) -> Finding:
    first, last = pc.min(records["time"]).as_py(), pc.max(records["time"]).as_py()
    live = [one for one in reigns if one.since is None or one.since <= first][-1:] or reigns[:1]
    since = f" since {live[0].since:%Y-%m-%d %H:%M}" if live[0].since else ""
    reason = (
        f"version {version} answered {records.num_rows} times from {first:%Y-%m-%d %H:%M} to "
        f"{last:%H:%M}, while version {live[0].version} was live{since}"
    )
    return Finding("version", "fail", reason, window=window, begin=first, size=records.num_rows)


def _counts(records: pa.Table) -> dict[str, int]:
    found = records["model_version"].combine_chunks().value_counts().to_pylist()
    return dict(sorted((str(one["values"]), int(one["counts"])) for one in found))


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"version {version} answered {n} times" for version, n in counts.items())


def _moves(reigns: Sequence[Reign], window: Window) -> str:
    if len(reigns) == 1 and reigns[0].since is None:
        return "; it is in rehearsal by the registry's alias, nothing is live"
    moved = [one for one in reigns if one.since is not None and window.holds(one.since)]
    return "".join(f"; version {one.version} is live since {one.since:%H:%M}" for one in moved)
