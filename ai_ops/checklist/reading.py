"""A checklist as it stands at a moment: one reading for the asset, its checks and the CLI."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.synthetic import dated
from ai_ops.checklist.delivered import delivered
from ai_ops.checklist.evidence import ChecklistEvidence, gather
from ai_ops.checklist.excuses import excuse_of, excused, signed_off
from ai_ops.checklist.items import LIST_OF, Item
from ai_ops.checklist.monthly import MONTHLY
from ai_ops.checklist.overdue import Overdue, Silent, lists_since, overdue_of, silent_owners
from ai_ops.checklist.pre_launch import PRE_LAUNCH, REHEARSED_DAYS
from ai_ops.checklist.watched import watched
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.storage.root import Root
from ai_ops.storage.standing import SignedOff, Waiver
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence

ITEMS: Mapping[Cadence, tuple[Item, ...]] = {
    "pre_launch": PRE_LAUNCH,
    "weekly": WEEKLY,
    "monthly": MONTHLY,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One item as it was judged: who answers for it, how old its evidence is, what was signed.

    ``waiver`` is the one that excuses it, None where nothing has to be excused; ``shown`` the
    digest of what is shown of it, and ``overdue`` the lists before that nobody signed in time.
    """

    item: Item
    owner: str
    verdict: Verdict
    age_days: float | None
    signed_off: SignedOff | None = None
    waiver: Waiver | None = None
    partition: str | None = None
    shown: str = ""
    overdue: Overdue | None = None


def read_line(feature: AiFeatureSpec, item: Item, evidence: ChecklistEvidence) -> Line:
    """Judge one item: a pass expires with its evidence, what is no pass may be waived."""
    verdict = _expired(item, _judged(feature, item, evidence), evidence)
    verdict = watched(item, delivered(item, verdict, evidence), evidence)
    verdict = _told_afterwards(verdict, evidence.judged_afterwards(item.reads))
    verdict = dated(feature, verdict.with_evidence(*evidence.read_from(item.reads)))
    waiver = None if verdict.passed else excuse_of(item, evidence)
    first = evidence.window.start.date().isoformat()
    line = Line(
        item,
        feature.owner_of(item.domain).accountable,
        excused(item, verdict, evidence),
        evidence.age_days(item.reads),
        signed_off(item, evidence),
        waiver,
        None if item.cadence == "pre_launch" else first,
    )
    return replace(line, shown=sha256(as_shown(feature, line)).hexdigest())


def read_item(
    root: Root, feature: AiFeatureSpec, item: Item, window: Window, as_of: datetime
) -> Line:
    """Judge one item from the ledger as it stood at ``as_of``."""
    return read_line(feature, item, gather(root, feature, window, as_of, _needed([item])))


def read_checklist(
    root: Root, feature: AiFeatureSpec, cadence: Cadence, window: Window, as_of: datetime
) -> list[Line]:
    """Judge every item of a cadence from the ledger as it stood at ``as_of``."""
    evidence = gather(root, feature, window, as_of, _needed(ITEMS[cadence]))
    late = {
        one.item: one
        for one in overdue_of(feature, evidence.standing, as_of, known_since=lists_since(root))
    }
    lines = [read_line(feature, item, evidence) for item in ITEMS[cadence]]
    return [replace(line, overdue=late.get(line.item.id)) for line in lines]


def judge_pre_launch(
    root: Root, feature: AiFeatureSpec, as_of: datetime
) -> tuple[RecordedVerdict, ...]:
    """Judge the six pre-launch items and record the verdicts as their checks would.

    A launch is decided by these, so they are made right before it.
    """
    lines = read_checklist(root, feature, "pre_launch", window_at("pre_launch", as_of), as_of)
    verdicts = [
        RecordedVerdict(
            feature=feature.name,
            item=line.item.id,
            asset=LIST_OF["pre_launch"],
            partition=None,
            window=Window.of_day(as_of.date()),
            as_of=as_of,
            verdict=line.verdict,
        )
        for line in lines
    ]
    return root.ledger.record_verdicts(verdicts, clock=root.clock)


def window_at(cadence: Cadence, as_of: datetime) -> Window:
    """The days that a list is about when it is read at a moment: all of them are over.

    >>> from ai_ops.vocabulary.clock import utc
    >>> list(window_at("pre_launch", utc("2021-03-10T09:00:00Z")).days())[::6]
    ['2021-03-03', '2021-03-09']
    """
    match cadence:
        case "pre_launch":
            return Window.trailing(as_of.date() - timedelta(days=1), days=REHEARSED_DAYS)
        case "weekly":
            return last_whole_week(as_of)
        case "monthly":
            return last_whole_month(as_of)


def last_whole_week(as_of: datetime) -> Window:
    """The Monday week that ended last before a moment.

    >>> from ai_ops.vocabulary.clock import utc
    >>> last_whole_week(utc("2021-03-10T09:00:00Z")).start.date().isoformat()
    '2021-03-01'
    """
    today = as_of.date()
    return Window.of_week(today - timedelta(days=today.weekday() + 7))


def last_whole_month(as_of: datetime) -> Window:
    """The month that ended last before a moment.

    >>> from ai_ops.vocabulary.clock import utc
    >>> last_whole_month(utc("2021-03-10T09:00:00Z")).start.date().isoformat()
    '2021-02-01'
    """
    day_before = as_of.date().replace(day=1) - timedelta(days=1)
    return Window.of_month(day_before.replace(day=1))


def as_data(
    feature: AiFeatureSpec, cadence: Cadence, as_of: datetime, lines: Sequence[Line]
) -> dict[str, Any]:
    """The checklist as JSON-ready data: the shape of ``ai-ops checklist --json``."""
    return {
        "feature": feature.name,
        "cadence": cadence,
        "as_of": as_of.isoformat(),
        "items": [_line_as_data(line) for line in lines],
        "flags": list(feature.flags),
        "silent_owners": [one.words for one in silent_of(feature, lines)],
    }


def silent_of(feature: AiFeatureSpec, lines: Sequence[Line]) -> tuple[Silent, ...]:
    """The owners of whom every line of a list waits for a signature."""
    return silent_owners(feature, [line.overdue for line in lines if line.overdue])


def as_shown(feature: AiFeatureSpec, line: Line) -> bytes:
    """A line as whoever signs it off sees it: what grows with every moment (an age) is left out."""
    verdict = line.verdict
    found = [[f.kind, f.status, f.reason, list(f.columns)] for f in verdict.findings]
    said = {
        "feature": feature.name,
        "cadence": line.item.cadence,
        "partition": line.partition,
        "id": line.item.id,
        "title": line.item.title,
        "domain": line.item.domain,
        "owner": line.owner,
        "status": verdict.status,
        "reason": verdict.reason,
        "findings": found,
        "evidence": [[e.source, e.digest] for e in verdict.evidence],
    }
    return json.dumps(said, sort_keys=True, indent=1).encode()


def _line_as_data(line: Line) -> dict[str, Any]:
    verdict, off, waiver = line.verdict, line.signed_off, line.waiver
    return {
        "id": line.item.id,
        "title": line.item.title,
        "domain": line.item.domain,
        "owner": line.owner,
        "status": verdict.status,
        "reason": verdict.reason,
        "observed": dict(verdict.observed),
        "evidence": [{"source": e.source, "digest": e.digest} for e in verdict.evidence],
        "age_days": line.age_days,
        "max_age_days": line.item.max_age_days,
        "waived_by": waiver.by if waiver else None,
        "waived_until": waiver.until.isoformat() if waiver else None,
        "signed_off_by": off.by if off else None,
        "signed_off_at": off.at.isoformat() if off else None,
        "shown": line.shown,
        "overdue_days": line.overdue.days if line.overdue else None,
        "overdue_since": line.overdue.partition if line.overdue else None,
    }


def _needed(items: Sequence[Item]) -> set[str]:
    return {check for item in items for check in (*item.reads, *item.beside)}


def _judged(feature: AiFeatureSpec, item: Item, evidence: ChecklistEvidence) -> Verdict:
    if evidence.monitored_days(feature):
        return item.judge(feature, evidence)
    first, end = feature.monitoring.start, feature.monitoring.end
    reason = f"{feature.name} is monitored from {first} to {end or 'now'}, not in this window"
    return Verdict.lacking(reason, "operations", window=evidence.window)


def _told_afterwards(verdict: Verdict, later: Sequence[RecordedVerdict]) -> Verdict:
    """The verdict, saying so when a backfill judged what it reads: at its moment nobody knew."""
    if not later:
        return verdict
    last = max(one.recorded_at for one in later if one.recorded_at is not None)
    words = f"(judged afterwards: {plural(len(later), 'verdict')} recorded up to {last:%Y-%m-%d})"
    observed = {**verdict.observed, "recorded_afterwards": len(later)}
    return replace(verdict, reason=f"{verdict.reason} {words}", observed=observed)


def _expired(item: Item, verdict: Verdict, evidence: ChecklistEvidence) -> Verdict:
    """The verdict, unless it is a pass on evidence too old for it; what fails goes on failing."""
    if verdict.status != "pass":
        return verdict
    newest = {check: evidence.newest(check) for check in item.reads}
    findings = [
        Finding(
            "operations",
            "no_evidence",
            f"the newest evidence of {check} is {age:.1f} days old; it may be {item.max_age_days}",
            window=found.window,
            size=age,
        )
        for check, found in newest.items()
        if found and (age := evidence.days_since(found.as_of)) > item.max_age_days
    ]
    if not findings:
        return verdict
    return Verdict.lacking(
        "; ".join(finding.reason for finding in findings),
        "operations",
        *findings,
        sample_size=verdict.sample_size,
        observed=verdict.observed,
    )
