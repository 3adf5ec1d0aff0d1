"""Did serving keep what it promised? The rules, on the counts of a day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

from ai_ops.ai_features.serving import Slo
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Mode

CONFIDENCE = 1.959964
"""Standard normal quantile: the bounds leave 2.5 % out at each end."""

P99_SLOW = 0.01
"""A p99 of x milliseconds says that at most this share of answers takes longer than x."""

MINIMUM_ANSWERS = 18
"""Of fewer answers, a single slow one would break the promise: they say nothing of a p99."""


@dataclass(frozen=True)
class Latency:
    """What answered rows of one mode waited.

    A row of a batch waited as long as its whole request. ``slow`` counts rows beyond the promise;
    for a batch, rows whose request took longer than the promise times its number of rows.
    """

    mode: Mode
    rows: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    slow: int


@dataclass(frozen=True)
class Share:
    """The rows of one call site or tenant; ``name`` None where the log does not say."""

    name: str | None
    rows: int
    failed: int
    refused: int


@dataclass(frozen=True)
class ServiceHealth:
    """How one day of predictions was served: ``rows`` = ``ok`` + ``failed`` + ``refused``.

    A refusal is the caller's mistake, answered properly: it is no failure of the service. Who was
    ``turned_away`` for want of room is one, and no row. A witness counted ``witnessed`` requests,
    ``not_logged`` of them more than there are in the log; None where nobody counted.
    """

    day: str
    rows: int = 0
    ok: int = 0
    failed: int = 0
    refused: int = 0
    latencies: tuple[Latency, ...] = ()
    call_sites: tuple[Share, ...] = field(default=())
    tenants: tuple[Share, ...] = field(default=())
    turned_away: int | None = None
    witnessed: int | None = None
    not_logged: int | None = None

    @property
    def unanswered(self) -> int:
        """What the service owed an answer and did not give."""
        return self.failed + (self.turned_away or 0)


def wilson(count: int, of: int) -> tuple[float, float]:
    """The bounds of a share of ``count`` in ``of`` (Wilson 1927, "Probable inference, the law of
    succession, and statistical inference"); ``ValueError`` for a share of nothing.

    >>> [round(bound, 4) for bound in wilson(10, 1000)]
    [0.0054, 0.0183]
    >>> [round(bound, 4) for bound in wilson(0, 20)]
    [0.0, 0.1611]
    """
    if of <= 0:
        raise ValueError("a share of nothing has no bounds")
    share, square = count / of, CONFIDENCE**2
    middle = share + square / (2 * of)
    half = CONFIDENCE * sqrt(share * (1 - share) / of + square / (4 * of * of))
    scale = 1 + square / of
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def judge_health(health: ServiceHealth, slo: Slo) -> Verdict:
    """The verdict on a day: a promise is broken when the lower bound of the share lies beyond it.

    The latency promise holds in every mode that has ``MINIMUM_ANSWERS``: a single request may take
    the promised time, a batch that time for every row it has. A pass counts the answers whose time
    was judged, and there is none when too many answers do not say how long they took.
    """
    window = Window.of_day(health.day)
    if not health.rows and not health.turned_away:
        reason = f"no prediction was asked for on {health.day}, or none was logged"
        return Verdict.lacking(reason, "operations", window=window)
    observed = _seen(health)
    if not health.ok:
        asked = health.rows + (health.turned_away or 0)
        found = _finding(health, f"none of {asked} requests was answered", 1.0)
        return Verdict.failing(found.reason, found, sample_size=asked, observed=observed)
    failures, failed = _judge_failures(health, slo)
    judged = [latency for latency in health.latencies if latency.rows >= MINIMUM_ANSWERS]
    sample = sum(latency.rows for latency in judged)
    observed["answers_judged_for_latency"] = sample
    waits = [_judge_latency(health, latency, slo) for latency in judged]
    unknown, lacking = _judge_silence(health)
    if unseen := _unseen(health, slo):
        unknown, lacking = [*unknown, unseen], True
    reason = "; ".join([failures, *(wait for wait, _ in waits), *unknown])
    findings = [finding for finding in (failed, *(slow for _, slow in waits)) if finding]
    if findings:
        size = health.ok + health.unanswered if failed else sample
        return Verdict.failing(reason, *findings, sample_size=size, observed=observed)
    if lacking or not judged:
        return Verdict.lacking(
            reason, "operations", window=window, sample_size=sample, observed=observed
        )
    return Verdict.passing(reason, sample_size=sample, observed=observed)


def _judge_failures(health: ServiceHealth, slo: Slo) -> tuple[str, Finding | None]:
    of = health.ok + health.unanswered
    share, (low, high) = health.unanswered / of, wilson(health.unanswered, of)
    reason = (
        f"{health.unanswered} of {of} requests failed ({share:.2%}, {low:.2%} to {high:.2%}), "
        f"{slo.failed_share:.2%} are promised"
    )
    if health.turned_away:
        reason += f"; {health.turned_away} of them were turned away for want of room"
    if health.refused:
        reason += f"; {health.refused} more were refused for their inputs"
    return reason, _finding(health, reason, share) if low > slo.failed_share else None


def _judge_silence(health: ServiceHealth) -> tuple[list[str], bool]:
    """What is not known of the answers' times, and whether that forbids a pass: were all silent
    answers slow, the promise would be broken."""
    reasons = [
        f"{latency.rows} {latency.mode} answers are too few to judge, {MINIMUM_ANSWERS} are needed"
        for latency in health.latencies
        if latency.rows < MINIMUM_ANSWERS
    ]
    silent = health.ok - sum(latency.rows for latency in health.latencies)
    if silent > 0:
        count = "none" if silent == health.ok else f"{health.ok - silent}"
        reasons.append(f"{count} of {health.ok} answers say how long they took")
    return reasons, silent > 0 and wilson(silent, health.ok)[0] > P99_SLOW


def _unseen(health: ServiceHealth, slo: Slo) -> str | None:
    """Requests that a witness saw and the log does not know, when they are so many that they may
    break the promise."""
    if not health.not_logged or not health.witnessed:
        return None
    if wilson(health.not_logged, health.witnessed)[0] <= slo.failed_share:
        return None
    return (
        f"{health.not_logged} of {health.witnessed} requests that the witness saw are not in the "
        "log: nobody knows how they were answered"
    )


def _judge_latency(health: ServiceHealth, judged: Latency, slo: Slo) -> tuple[str, Finding | None]:
    low, _ = wilson(judged.slow, judged.rows)
    if judged.mode == "sync":
        reason = (
            f"p99 of {judged.rows} single answers is {judged.p99_ms:.1f} ms, "
            f"{slo.p99_ms:g} ms are promised"
        )
    else:
        reason = (
            f"{judged.slow} of {judged.rows} rows in batches took more than {slo.p99_ms:g} ms a row"
        )
    return reason, _finding(health, reason, judged.p99_ms) if low > P99_SLOW else None


def _finding(health: ServiceHealth, reason: str, size: float | None) -> Finding:
    window = Window.of_day(health.day)
    return Finding(
        "operations",
        "fail",
        reason,
        call_site=_concentrated(health.call_sites),
        tenant=_concentrated(health.tenants),
        window=window,
        begin=window.start,
        size=size,
    )


def _concentrated(shares: Sequence[Share]) -> str | None:
    """Where most failures are, if they are more than that part's share of the traffic explains."""
    failed, rows = sum(s.failed for s in shares), sum(s.rows for s in shares)
    if not failed:
        return None
    worst = max(shares, key=lambda share: share.failed)
    of_failures, of_traffic = worst.failed / failed, worst.rows / rows
    return worst.name if of_failures >= 0.5 and of_failures >= 1.5 * of_traffic else None


def _seen(health: ServiceHealth) -> dict[str, Observed]:
    seen: dict[str, Observed] = {
        "rows": health.rows,
        "ok": health.ok,
        "failed": health.failed,
        "refused": health.refused,
    }
    for name in ("turned_away", "witnessed", "not_logged"):
        if (count := getattr(health, name)) is not None:
            seen[name] = count
    for latency in health.latencies:
        for name in ("p50_ms", "p95_ms", "p99_ms"):
            seen[f"{latency.mode}_{name}"] = round(getattr(latency, name), 3)
    return seen
