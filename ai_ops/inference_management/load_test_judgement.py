"""Does the endpoint hold twice its peak? The verdict, a pure function of what was measured.

Every line of a test is judged by itself: the phases at the peak and above it, the cold start, the
memory, the GPU. What could not be measured is no evidence, never a pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features.serving import Serving, Slo
from ai_ops.inference_management.load_test_records import (
    EXPIRES_DAYS,
    PHASES,
    TIMES,
    LoadTest,
    Phase,
    Traffic,
)
from ai_ops.inference_management.load_test_rules import broken, generator_limit, too_few, too_short
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.words import Status

LEAK_MB_PER_1000: Final = 5.0
"""A server that grows by more for every 1,000 predictions is said to leak: at 50 a second it would
take another gigabyte every hour or so."""

TITLES: Final = {
    "sync_1x": "single requests at the peak",
    "sync_2x": "single requests at twice the peak",
    "batch": "batches at the rows of twice the peak",
    "mixed": "single requests and batches together",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a load test, judged: its name, what was seen in words, and what was found."""

    name: str
    status: Status
    words: str
    findings: tuple[Finding, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Served:
    """What answers now, and the class of its size: None where nothing does, or nobody knows."""

    version: str | None
    size_class: str | None


def judge(test: LoadTest, serving: Serving, *, own_model: bool) -> Verdict:
    """The verdict on a test, by what serving promises; of a model of the team's own the cold start
    and the memory belong to it, of others what was seen of them."""
    lines = lines_of(test, serving, own_model=own_model)
    findings = [finding for line in lines for finding in line.findings]
    failed = [one for one in findings if one.status == "fail"]
    lacking = [one for one in findings if one.status == "no_evidence"]
    sample, observed = sample_of(test), observed_of(test)
    if failed:
        reason = "; ".join(one.reason for one in failed)
        found = (*failed, *lacking)
        return Verdict.failing(reason, *found, sample_size=sample, observed=observed)
    if lacking:
        reason = "; ".join(one.reason for one in lacking)
        return Verdict.lacking(
            reason, "operations", *lacking, sample_size=sample, observed=observed
        )
    return Verdict.passing(
        "; ".join(line.words for line in lines), sample_size=sample, observed=observed
    )


def lines_of(test: LoadTest, serving: Serving, *, own_model: bool) -> list[Line]:
    """Every line of a test, in the order in which it is told."""
    lines = [
        _judged(name, _phase(test, name, serving.slo))
        for name in PHASES
        # An endpoint of somebody else may have no address for batches: they do not apply to it.
        if test.batches or own_model or name.startswith("sync")
    ]
    lines += [_saturation(test)]
    if test.phases and (short := too_short(test.phases)):
        lines.append(_judged("duration", (short, [("no_evidence", short, None)])))
    if own_model or test.cold_start:
        lines.append(_judged("cold_start", _cold_start(test)))
    if own_model or test.memory:
        lines.append(_judged("memory", _memory(test)))
    if own_model and (test.version is None or test.version != test.version_after):
        lines.append(_judged("version", _versions(test)))
    # A GPU that is there and not declared is told of where the server uses it.
    if serving.gpu or (test.gpu is not None and test.gpu.held_mb):
        lines.append(_judged("gpu", _gpu(test)))
    return lines


def outdated(test: LoadTest, serving: Serving, served: Served, now: datetime) -> list[Finding]:
    """Why a test does not speak for the endpoint any more: its age, another size of model, a peak
    that was raised since."""
    peak = serving.expected_peak
    age = (now - datetime.fromisoformat(test.at)) / timedelta(days=1)
    reasons = []
    if peak is None:
        reasons.append("no peak is declared any more (serving.expected_peak)")
    elif TIMES * peak.requests_per_second > test.tested_rate * (1 + 1e-9):
        reasons.append(
            f"{test.tested_rate:g} requests a second were tested, and {TIMES:g} times the peak is "
            f"{TIMES * peak.requests_per_second:g} by now"
        )
    if age > EXPIRES_DAYS:
        reasons.append(f"the test is {age:.0f} days old; it speaks for {EXPIRES_DAYS}")
    known = served.size_class is not None and served.size_class == test.size_class
    if served.version not in (None, test.version) and not known:
        reasons.append(
            f"version {served.version} ({served.size_class or 'of a size that nobody knows'}) "
            f"answers now, and version {test.version} ({test.size_class}) was tested"
        )
    return [Finding("operations", "no_evidence", f"{why}: test it again") for why in reasons]


def sample_of(test: LoadTest) -> int:
    """How many requests were sent in the phases that are judged."""
    return sum(one.requests for phase in test.phases for one in phase.traffic)


def observed_of(test: LoadTest) -> dict[str, Observed]:
    """The numbers of a test, as its verdict shows them."""
    observed: dict[str, Observed] = {
        "version": test.version,
        "size_class": test.size_class,
        "tested_at": test.at,
        "peak_per_second": test.peak,
        "tested_rate": test.tested_rate,
        "target": test.url or "own server",
    }
    for phase in test.phases:
        for seen in phase.traffic:
            name = phase.name if len(phase.traffic) == 1 else f"{phase.name}_{seen.mode}"
            observed[f"{name}_p99_ms"] = round(seen.p99_ms, 1)
            observed[f"{name}_failed"] = seen.failed
            observed[f"{name}_achieved"] = round(seen.achieved_rate, 2)
        if phase.cpu_ms_per_row is not None:
            observed[f"{phase.name}_cpu_ms_per_prediction"] = round(phase.cpu_ms_per_row, 3)
    shares = [one.generator_share for phase in test.phases for one in phase.traffic]
    observed["generator_share"] = round(max(shares, default=0.0), 3)
    observed["held_rate"] = test.saturation.held
    if test.cold_start:
        observed["cold_start_seconds"] = round(test.cold_start.answered_seconds, 2)
    if test.memory:
        for name in ("loaded_mb", "peak_mb", "after_mb", "leak_mb_per_1000"):
            value = getattr(test.memory, name)
            observed[name] = None if value is None else round(value, 2)
    return observed


Judged = tuple[str, Sequence[tuple[Status, str, float | None]]]
"""What was seen in words, and each thing that was found: its status, its words, its size."""


def _judged(name: str, judged: Judged) -> Line:
    words, found = judged
    findings = tuple(
        Finding("operations", status, reason, slice=f"phase = {name}", size=size)
        for status, reason, size in found
    )
    statuses = {one.status for one in findings}
    status: Status = "fail" if "fail" in statuses else "no_evidence" if statuses else "pass"
    return Line(name, status, words, findings)


def _phase(test: LoadTest, name: str, slo: Slo) -> Judged:
    title = TITLES[name]
    phase = next((one for one in test.phases if one.name == name), None)
    if phase is None:
        reason = f"{title}: not measured"
        return reason, [("no_evidence", reason, None)]
    found = [
        (status, f"{title}: {words}", size)
        for seen in phase.traffic
        for status, words, size in _course(seen, slo, phase.others_share)
    ]
    return f"{title}: {_shown(phase)}", found


def _course(
    seen: Traffic, slo: Slo, others: float | None
) -> Iterator[tuple[Status, str, float | None]]:
    for one in broken(seen, slo, others):
        yield one.status, one.reason, one.size
    for lacking in (generator_limit(seen), too_few(seen)):
        if lacking:
            yield "no_evidence", lacking, None


def _shown(phase: Phase) -> str:
    parts = []
    for seen in phase.traffic:
        rows = f" of {seen.rows_per_request} rows" if seen.mode == "batch" else ""
        what = "requests" if seen.mode == "sync" else "batches"
        parts.append(
            f"{seen.requests} {what}{rows} at {seen.rate:g}/s, p99 {seen.p99_ms:.0f} ms, "
            f"{seen.failed} failed"
        )
    return " and ".join(parts)


def _saturation(test: LoadTest) -> Line:
    held, over = test.saturation.held, test.saturation.broken
    words = f"{held:g}/s were held" if held else "no rate above twice the peak was held"
    if over is None:
        words += ", more was not tried"
    elif over.limit == "generator":
        words += f"; at {over.traffic.rate:g}/s the generator itself was the limit"
    else:
        words += f"; {over.traffic.rate:g}/s were not ({over.limit})"
    return Line("saturation", "pass", words)


def _cold_start(test: LoadTest) -> Judged:
    cold = test.cold_start
    if cold is None:
        reason = "cold start: the server was running already; test one that is started for it"
        return reason, [("no_evidence", reason, None)]
    load = cold.model_load_seconds
    told = f", of which the model's loading {load:.1f} s" if load is not None else ""
    words = f"cold start: answered after {cold.answered_seconds:.1f} s{told}"
    return f"{words}, the first prediction in {cold.first_prediction_ms:.0f} ms", []


def _memory(test: LoadTest) -> Judged:
    memory = test.memory
    if memory is None:
        reason = "memory: the processes of the endpoint cannot be seen from here"
        return reason, [("no_evidence", reason, None)]
    if memory.leak_mb_per_1000 is None:
        reason = f"memory: {memory.samples} samples do not show whether it grows"
        return reason, [("no_evidence", reason, None)]
    words = (
        f"memory: {memory.loaded_mb:.0f} MB loaded, {memory.peak_mb:.0f} at most, "
        f"{memory.after_mb:.0f} afterwards, {memory.leak_mb_per_1000:+.1f} for 1,000 predictions"
    )
    if memory.leak_mb_per_1000 <= LEAK_MB_PER_1000:
        return words, []
    reason = (
        f"memory leaks: {memory.leak_mb_per_1000:.1f} MB more for every 1,000 predictions, and "
        f"not only at the beginning ({LEAK_MB_PER_1000:g} are allowed)"
    )
    return words, [("fail", reason, memory.leak_mb_per_1000)]


def _versions(test: LoadTest) -> Judged:
    if test.version is None:
        reason = "the endpoint does not say which version answers (/version)"
    else:
        reason = f"version {test.version} answered at first and {test.version_after} at last"
    return reason, [("no_evidence", f"{reason}: nobody knows what was tested", None)]


def _gpu(test: LoadTest) -> Judged:
    gpu = test.gpu
    if gpu is None or gpu.device is None:
        reason = "GPU: the feature declares one (serving.gpu), and none can be seen here"
    elif not gpu.held_mb or gpu.warm_up_ms is None:
        reason = f"GPU: {gpu.device} is there, and the server put nothing on it"
    else:
        words = f"GPU: {gpu.device}, {gpu.held_mb:.0f} MB held, {gpu.warm_up_ms:.0f} ms to warm up"
        return words, []
    return reason, [("no_evidence", reason, None)]
