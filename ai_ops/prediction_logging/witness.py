"""Was every request logged that was served? Judged from counts that the log had no part in."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from ai_ops.prediction_logging.completeness import Completeness, Counted
from ai_ops.prediction_logging.day_part import Hour
from ai_ops.prediction_logging.findings import first_of
from ai_ops.prediction_logging.hours import HOUR, Compared, compare, key
from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.prediction_logging.times import between
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

MUST_SEE = 0.5
"""A witness that counts less than this share of what was logged does not see all the traffic."""

IN_FLIGHT = 64
"""How many requests may have been logged and not yet answered when a process told its counts."""


def judge_witness(
    known: Completeness,
    declared: bool,
    missing_share: float,
    window: Window,
    sometimes: Collection[str] = (),
) -> Verdict:
    """Whether a witness, which shares nothing with the logger, counted no request more than it.

    Compared by hour, and by writer where the witness tells it; a request of an hour's last or
    first seconds may be counted in the hour beside. Fails when more than ``missing_share`` of the
    served requests were not logged, or all of them, and when a process answered more than it
    logged by its own count. Without a declared and readable witness, or when it is blind for hours
    in which requests were logged, there is no evidence; the writers that are there ``sometimes``
    it need not see.
    """
    if not declared:
        reason = (
            "no witness is declared: nobody but the log itself counts what was served; "
            "name its table in the YAML under `logging.witness`"
        )
        return Verdict.lacking(reason, "completeness", window=window)
    counted = known.witness
    by_writer = _compared(known, counted, window)
    served = sum(one.served for hours in by_writer.values() for one in hours)
    logged = sum(one.logged for hours in by_writer.values() for one in hours)
    short = sum(one.short for hours in by_writer.values() for one in hours)
    observed: dict[str, Observed] = {
        "served": served,
        "logged": logged,
        "not_logged": short,
        "not_counted_by_the_witness": max(0, logged - served),
    }
    findings = _short(known, by_writer, missing_share, window) if served else []
    findings += _by_own_count(known.incarnations, window)
    if findings:
        return Verdict.failing(first_of(findings), *findings, sample_size=served, observed=observed)
    if reason := _blind(known, counted, sometimes, window):
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    reason = f"{served - short} of {served} served requests were logged, hour by hour"
    if logged > served:
        reason += f"; {logged - served} more were logged than the witness counted"
    return Verdict.passing(reason, sample_size=served, observed=observed)


def _compared(known: Completeness, counted: Counted, window: Window) -> dict[str, list[Compared]]:
    """Served beside logged by writer; requests without a writer's name beside all that is left."""
    found = {
        writer: compare(counted.served.get(writer, {}), _logged(known, counted, writer), window)
        for writer in _writers(known, counted)
    }
    unnamed = counted.served.get("")
    if unnamed and "" not in found:
        served = Counter(unnamed)
        for name in set(counted.served) - {""}:
            served.update(counted.served[name])
        named = Counter[datetime]()
        for hours in found.values():
            named.update({one.hour: one.short for one in hours})
        found[""] = [
            Compared(one.hour, asked, 0, min(asked, max(0, one.short - named[one.hour])))
            for one in compare(served, _all_logged(known), window)
            if (asked := unnamed.get(key(one.hour), 0))
        ]
    return found


def _writers(known: Completeness, counted: Counted) -> list[str]:
    """The writers to compare: one for all where the witness does not tell them apart."""
    if set(counted.served) <= {""}:
        return [""]
    return sorted((set(counted.served) | set(known.logged)) - {""})


def _logged(
    known: Completeness, counted: Counted, writer: str, without: Collection[str] = ()
) -> Mapping[str, Hour]:
    if not set(counted.served) <= {""}:
        return known.logged.get(writer, {}) if writer not in without else {}
    return _all_logged(known, without)


def _all_logged(known: Completeness, without: Collection[str] = ()) -> Mapping[str, Hour]:
    total: dict[str, Hour] = {}
    for name, hours in known.logged.items():
        for hour, one in hours.items() if name not in without else ():
            total[hour] = total.get(hour, Hour()).plus(one)
    return total


def _short(
    known: Completeness, by_writer: Mapping[str, Sequence[Compared]], allowed: float, window: Window
) -> list[Finding]:
    served = sum(one.served for hours in by_writer.values() for one in hours)
    short = sum(one.short for hours in by_writer.values() for one in hours)
    if not short or (short <= allowed * served and short < served):
        return []
    explained = _explained(known.incarnations)
    findings = []
    for writer, hours in by_writer.items():
        missing = [one for one in hours if one.short]
        if not missing:
            continue
        who = (
            f" of writer {writer}" if writer else " without naming a writer" * (len(by_writer) > 1)
        )
        count = sum(one.short for one in missing)
        counts = ", ".join(_in_words(group) for group in _runs(missing))
        reason = (
            f"{count} of {sum(one.served for one in hours)} requests that the witness counted"
            f"{who} were not logged ({counts}; {allowed:.1%} are allowed){explained}"
            + (_no_such(writer, known) if writer else "")
        )
        findings.append(
            Finding(
                "completeness", "fail", reason, window=window, begin=missing[0].hour, size=count
            )
        )
    return findings


def _runs(missing: Sequence[Compared]) -> list[list[Compared]]:
    """Hours that follow each other."""
    numbered = enumerate(missing)
    groups = groupby(numbered, lambda item: item[1].hour - item[0] * HOUR)
    return [[one for _, one in group] for _, group in groups]


def _in_words(run: Sequence[Compared]) -> str:
    short, served = sum(one.short for one in run), sum(one.served for one in run)
    until = run[-1].hour.hour + 1  # a day ends at 24:00
    return f"{short} of {served} from {run[0].hour:%H}:00 to {until:02}:00"


def _no_such(writer: str, known: Completeness) -> str:
    """That nobody logs under the name that the witness gives, and who does."""
    names = sorted(known.logged)
    if writer in names or not names:
        return ""
    return f"; no writer of that name logs, those that do are {', '.join(names)}"


def _explained(incarnations: Sequence[Incarnation]) -> str:
    """What the writers themselves tell of requests that are not in their segments."""
    told = [one.change for one in incarnations if one.change]
    unsampled, failures = sum(c.unsampled for c in told), sum(c.failures for c in told)
    words = [f"{unsampled} were left out by sampling"] if unsampled > 0 else []
    words += [f"{failures} could not be written"] if failures > 0 else []
    return f"; its writers tell that {' and '.join(words)}" if words else ""


def _by_own_count(incarnations: Sequence[Incarnation], window: Window) -> list[Finding]:
    """Processes that counted more answers than they logged: which of several it was."""
    findings = []
    for one in incarnations:
        change = one.change
        if change is None or change.served is None:
            continue
        short = change.served - change.requests
        # What was in flight at the first of both statements was logged before and answered after.
        if short > (IN_FLIGHT if change.since else 0):
            reason = (
                f"writer {one.writer} answered {change.served} requests by its own count and "
                f"logged {change.requests} ({between(change.since or one.begun, change.until)}, "
                f"{one.name})"
            )
            begin = change.since or one.begun
            findings.append(
                Finding("completeness", "fail", reason, window=window, begin=begin, size=short)
            )
    return findings


def _blind(
    known: Completeness, counted: Counted, sometimes: Collection[str], window: Window
) -> str:
    """Why the witness bears no witness; empty when it does."""
    if counted.missing:
        return f"the witness cannot be read: {counted.missing}"
    served = logged = unseen = 0
    dark: dict[str, set[str]] = {}
    unnamed = counted.served.get("", {})
    for writer in _writers(known, counted):
        hours = counted.served.get(writer, {})
        for hour, own in _logged(known, counted, writer, sometimes).items():
            if key(window.start) <= hour < key(window.end):
                logged += own.requests
                # What is neither refused nor near an hour's edge must have been seen in its hour.
                seen = hours.get(hour) or unnamed.get(hour)
                if not seen and own.requests - own.refused - own.late - own.early > 0:
                    unseen += own.requests
                    dark.setdefault(writer, set()).add(hour)
    for hours in counted.served.values():
        served += sum(n for hour, n in hours.items() if key(window.start) <= hour < key(window.end))
    if not served:
        return f"the witness counted no request, {logged or 'none'} were logged"
    if dark:
        many = set().union(*dark.values())
        whom = f" of writer {', '.join(sorted(dark))}" if "" not in dark else ""
        return (
            f"the witness counted nothing{whom} in {len(many)} hour{'s' * (len(many) > 1)}, since "
            f"{min(many)[-2:]}:00, in which {unseen} requests were logged"
        )
    if served < MUST_SEE * logged:
        return f"the witness counted {served} requests of {logged} that were logged: it is blind"
    return ""
