"""A verdict: what was judged, from what, and what was found. Never a bare bool."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import DriftCause, FindingKind, Status

Observed = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Something a verdict was read from: where it lies, and the sha256 of what was there."""

    source: str
    digest: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, as data: a machine can act on it, a person can read its reason.

    ``size`` is the size of the effect in the unit that ``reason`` names; ``begin`` is when it
    began, as far as the evidence reaches back. ``cause`` is what the evidence says of a drift.
    """

    kind: FindingKind
    status: Status
    reason: str
    columns: tuple[str, ...] = ()
    call_site: str | None = None
    tenant: str | None = None
    slice: str | None = None
    window: Window | None = None
    begin: datetime | None = None
    size: float | None = None
    cause: DriftCause | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement with its reason, its numbers, its sample size and its findings.

    Missing evidence is never health: a pass needs a sample, and whatever is not a pass says what
    was found.

    >>> Verdict.passing("7 of 7 days were logged", sample_size=7).status
    'pass'
    >>> Verdict("pass", "nothing was looked at")
    Traceback (most recent call last):
    ...
    ValueError: a pass needs a sample: nothing was looked at
    >>> Verdict("fail", "bad")
    Traceback (most recent call last):
    ...
    ValueError: a verdict of fail names what was found: bad
    """

    status: Status
    reason: str
    observed: Mapping[str, Observed] = field(default_factory=dict)
    sample_size: int = 0
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if not self.reason:
            raise ValueError("a verdict has a reason in words")
        if self.status == "pass" and self.sample_size <= 0:
            raise ValueError(f"a pass needs a sample: {self.reason}")
        if self.status in ("fail", "no_evidence") and not self.findings:
            raise ValueError(f"a verdict of {self.status} names what was found: {self.reason}")

    @property
    def passed(self) -> bool:
        """Whether the item may be ticked: it passed, or a person waived it."""
        return self.status in ("pass", "waived")

    @classmethod
    def passing(
        cls,
        reason: str,
        *,
        sample_size: int,
        observed: Mapping[str, Observed] | None = None,
        evidence: tuple[Evidence, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> "Verdict":
        """A pass, which needs a sample."""
        return cls("pass", reason, observed or {}, sample_size, evidence, findings)

    @classmethod
    def failing(
        cls,
        reason: str,
        *findings: Finding,
        sample_size: int = 0,
        observed: Mapping[str, Observed] | None = None,
        evidence: tuple[Evidence, ...] = (),
    ) -> "Verdict":
        """A failure, which names what was found."""
        return cls("fail", reason, observed or {}, sample_size, evidence, findings)

    @classmethod
    def lacking(
        cls,
        reason: str,
        kind: FindingKind,
        *findings: Finding,
        window: Window | None = None,
        sample_size: int = 0,
        observed: Mapping[str, Observed] | None = None,
        evidence: tuple[Evidence, ...] = (),
    ) -> "Verdict":
        """No evidence: what is missing is itself the finding.

        >>> Verdict.lacking("no rows were logged", "volume").findings[0].kind
        'volume'
        """
        found = findings or (Finding(kind, "no_evidence", reason, window=window),)
        return cls("no_evidence", reason, observed or {}, sample_size, evidence, found)

    def with_evidence(self, *evidence: Evidence) -> "Verdict":
        """A copy that also names these as what it was read from."""
        return replace(self, evidence=(*self.evidence, *evidence))


@dataclass(frozen=True, slots=True)
class RecordedVerdict:
    """A verdict in its place: which item of which asset and window it judged, and when.

    ``as_of`` is the clock's time of the judgement (a replay's clock in a replay), ``recorded_at``
    the wall's when the ledger took it, None before.
    """

    feature: str
    item: str
    asset: str
    partition: str | None
    window: Window
    as_of: datetime
    verdict: Verdict
    recorded_at: datetime | None = None


def as_data(recorded: RecordedVerdict) -> dict[str, Any]:
    """The verdict as JSON-ready data: the shape of ``ai-ops verdicts --json`` and of the ledger."""
    verdict = recorded.verdict
    return {
        "item": recorded.item,
        "asset": recorded.asset,
        "partition": recorded.partition,
        "window": _window_as_data(recorded.window),
        "status": verdict.status,
        "as_of": recorded.as_of.isoformat(),
        "recorded_at": recorded.recorded_at.isoformat() if recorded.recorded_at else None,
        "reason": verdict.reason,
        "observed": dict(verdict.observed),
        "sample_size": verdict.sample_size,
        "evidence": [{"source": e.source, "digest": e.digest} for e in verdict.evidence],
        "findings": [_finding_as_data(f) for f in verdict.findings],
    }


def from_data(feature: str, data: Mapping[str, Any]) -> RecordedVerdict:
    """The verdict that ``as_data`` wrote."""
    return RecordedVerdict(
        feature=feature,
        item=data["item"],
        asset=data["asset"],
        partition=data["partition"],
        window=_window_from_data(data["window"]),
        as_of=datetime.fromisoformat(data["as_of"]),
        recorded_at=_moment(data.get("recorded_at")),
        verdict=Verdict(
            status=data["status"],
            reason=data["reason"],
            observed=data["observed"],
            sample_size=data["sample_size"],
            evidence=tuple(Evidence(e["source"], e["digest"]) for e in data["evidence"]),
            findings=tuple(_finding_from_data(f) for f in data["findings"]),
        ),
    )


def _finding_as_data(finding: Finding) -> dict[str, Any]:
    # A cause is written only where there is one: what was recorded before there were causes
    # reads, and hashes, as it did.
    told = {} if finding.cause is None else {"cause": finding.cause}
    return told | {
        "kind": finding.kind,
        "status": finding.status,
        "reason": finding.reason,
        "columns": list(finding.columns),
        "call_site": finding.call_site,
        "tenant": finding.tenant,
        "slice": finding.slice,
        "window": _window_as_data(finding.window) if finding.window else None,
        "begin": finding.begin.isoformat() if finding.begin else None,
        "size": finding.size,
    }


def _finding_from_data(data: Mapping[str, Any]) -> Finding:
    return Finding(
        kind=data["kind"],
        status=data["status"],
        reason=data["reason"],
        columns=tuple(data["columns"]),
        call_site=data["call_site"],
        tenant=data["tenant"],
        slice=data["slice"],
        window=_window_from_data(data["window"]) if data["window"] else None,
        begin=_moment(data["begin"]),
        size=data["size"],
        cause=data.get("cause"),
    )


def _window_as_data(window: Window) -> dict[str, str]:
    return {"start": window.start.isoformat(), "end": window.end.isoformat()}


def _window_from_data(data: Mapping[str, str]) -> Window:
    return Window(datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"]))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
