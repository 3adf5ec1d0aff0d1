"""The audit of a month's log: what was looked at, what was wrong, and what that supports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final, Literal

from ai_ops.prediction_logging.audit_sampling import CONFIDENCE, at_least, at_most
from ai_ops.prediction_logging.findings import first_of
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import FindingKind, Status

Part = Literal["actions", "records", "structure"]

NAMES: Final[Mapping[Part, str]] = {
    "actions": "user actions",
    "records": "records read again",
    "structure": "records looked at for their structure",
}
KIND: Final[Mapping[Part, FindingKind]] = {
    "actions": "completeness",
    "records": "data_quality",
    "structure": "data_quality",
}
NO_PREDICTION: Final = "its prediction is not in the log"
DAYS_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class AuditError:
    """One thing that is wrong: the id and the day that it is about, and what in words without
    any value. The file in the lake names the id, a finding does not."""

    part: Part
    day: str
    id: str | None
    what: str
    columns: tuple[str, ...] = ()
    call_site: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """How many of how many were looked at, and how many of those were wrong.

    >>> Looked(300, 41_000, 0).words("user actions")
    '0 of 300 user actions are wrong: with 95 % confidence at most 0.99 % of all 41,000'
    """

    sample: int
    population: int
    wrong: int

    @property
    def at_most(self) -> float | None:
        """The share that may be wrong of all; None when nothing was looked at."""
        if self.sample == 0:
            return None
        whole = self.sample >= self.population
        return self.wrong / self.sample if whole else at_most(self.wrong, self.sample)

    def words(self, what: str) -> str:
        """All of that as a sentence says it."""
        bound = self.at_most
        if bound is None:
            return f"no {what} could be looked at"
        looked = f"{self.wrong} of {self.sample:,} {what} are wrong"
        if self.sample >= self.population:
            return f"{looked}, and these are all"
        sure = f"with {CONFIDENCE:.0%} confidence".replace("%", " %")
        return f"{looked}: {sure} at most {100 * bound:.2g} % of all {self.population:,}"


@dataclass(frozen=True)
class LogAudit:
    """A month's audit as it was recorded.

    ``seed`` draws the same samples again. ``read_from`` counts the records that were read again
    by the form that they were read from; ``without_log`` and ``without_actions`` are days of which
    there was no table, ``no_witness`` says why no user action can be known. ``unknown_versions``
    are those of which nothing is known because the registry did not answer.
    """

    feature: str
    month: str
    as_of: datetime
    seed: str
    days: int
    actions: Looked
    records: Looked
    structure: Looked
    read_from: dict[str, int] = field(default_factory=dict)
    errors: list[AuditError] = field(default_factory=list)
    without_log: list[str] = field(default_factory=list)
    without_actions: list[str] = field(default_factory=list)
    no_witness: str = ""
    unknown_versions: list[str] = field(default_factory=list)
    read: list[Evidence] = field(default_factory=list)

    def looked(self) -> dict[Part, Looked]:
        """The three things that were looked at, by name."""
        return {"actions": self.actions, "records": self.records, "structure": self.structure}


def judge_audit(
    found: LogAudit,
    complete: Mapping[str, Status],
    unprovable: str,
    allowed: float,
    window: Window,
) -> Verdict:
    """What a month's audit comes to.

    ``complete`` are the verdicts on the log's completeness by day, the worst of each;
    ``unprovable`` says why none can pass. Of the user actions the share ``allowed`` may be without
    a prediction, by what the sample shows with the confidence of its bound.
    """
    wrong = [*_findings(found, allowed, window), *_incomplete(complete, window)]
    missing = _missing(found, complete, unprovable, window)
    observed = _observed(found, complete)
    sample = found.actions.sample + found.records.sample
    about = "; ".join(looked.words(NAMES[part]) for part, looked in found.looked().items())
    if wrong:
        reason = f"the log of {found.month[:7]}: {first_of(wrong)}"
        return Verdict.failing(reason, *wrong, *missing, sample_size=sample, observed=observed)
    if missing:
        reason = f"the log of {found.month[:7]}: {first_of(missing)}. What was looked at: {about}"
        return Verdict.lacking(
            reason, "completeness", *missing, sample_size=sample, observed=observed
        )
    return Verdict.passing(
        f"the log of {found.month[:7]}: {about}; it was judged complete on each of "
        f"{plural(len(complete), 'day')}",
        sample_size=sample,
        observed=observed,
    )


def _findings(found: LogAudit, allowed: float, window: Window) -> list[Finding]:
    """The errors, those of one sort as one: how many of how many, and on which days."""

    def sort(error: AuditError) -> tuple[str, ...]:
        return (error.part, error.what, error.call_site or "", error.tenant or "")

    looked = found.looked()
    lost = sum(error.what == NO_PREDICTION for error in found.errors)
    findings = []
    for _, errors in groupby(sorted(found.errors, key=sort), key=sort):
        group = list(errors)
        first = group[0]
        of = looked[first.part]
        if first.what == NO_PREDICTION and at_least(lost, of.sample) <= allowed:
            continue  # the YAML allows for as many
        days = sorted({error.day for error in group})
        findings.append(
            Finding(
                KIND[first.part],
                "fail",
                f"{len(group)} of {of.sample:,} {NAMES[first.part]}: {first.what} ({_named(days)})",
                columns=tuple(sorted({name for error in group for name in error.columns})),
                call_site=first.call_site,
                tenant=first.tenant,
                window=window,
                begin=Window.of_day(days[0]).start,
                size=float(len(group)),
            )
        )
    return sorted(findings, key=lambda finding: -(finding.size or 0))


def _incomplete(complete: Mapping[str, Status], window: Window) -> list[Finding]:
    failed = sorted(day for day, status in complete.items() if status == "fail")
    if not failed:
        return []
    reason = f"it was judged incomplete on {_named(failed)}"
    begin = Window.of_day(failed[0]).start
    size = float(len(failed))
    return [Finding("completeness", "fail", reason, window=window, begin=begin, size=size)]


def _missing(
    found: LogAudit, complete: Mapping[str, Status], unprovable: str, window: Window
) -> list[Finding]:
    reasons = []
    if unprovable:
        reasons.append(unprovable)
    if found.no_witness:
        reasons.append(found.no_witness)
    elif found.without_actions:
        reasons.append(f"of {_named(found.without_actions)} no user actions are known")
    elif not found.actions.sample:
        reasons.append("no user action is known that could be looked for in it")
    if found.without_log:
        reasons.append(f"of {_named(found.without_log)} no log was written")
    if not found.records.sample:
        reasons.append("no record of it could be read again from what was written")
    if found.unknown_versions:
        named = ", ".join(found.unknown_versions)
        reasons.append(f"the registry does not answer: version {named} may be none of its own")
    unjudged = sorted(day for day, status in complete.items() if status == "no_evidence")
    if unjudged and not unprovable:
        reasons.append(f"nobody knows whether it is complete on {_named(unjudged)}")
    if len(complete) < found.days and not unprovable:
        never = found.days - len(complete)
        reasons.append(f"its completeness was not judged on {plural(never, 'day')}")
    return [Finding("completeness", "no_evidence", reason, window=window) for reason in reasons]


def _observed(found: LogAudit, complete: Mapping[str, Status]) -> dict[str, Observed]:
    told: dict[str, Observed] = {"seed": found.seed, "days": found.days}
    for part, looked in found.looked().items():
        told[part] = looked.sample
        told[f"{part}_of"] = looked.population
        told[f"{part}_wrong"] = looked.wrong
        if looked.at_most is not None:
            told[f"{part}_wrong_at_most"] = looked.at_most
    told |= {f"read_from_{form}": count for form, count in sorted(found.read_from.items())}
    statuses = list(complete.values())
    told |= {f"days_judged_{status}": statuses.count(status) for status in sorted(set(statuses))}
    return told


def _named(days: Sequence[str]) -> str:
    """The first of some days, and how many more.

    >>> _named(["2021-03-01"]), _named(["2021-03-01", "2021-03-02", "2021-03-03", "2021-03-09"])
    ('2021-03-01', '2021-03-01, 2021-03-02, 2021-03-03 and 1 more day')
    """
    more = len(days) - DAYS_NAMED
    shown = ", ".join(days[:DAYS_NAMED])
    return f"{shown} and {plural(more, 'more day')}" if more > 0 else shown
