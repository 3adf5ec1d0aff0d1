"""Is the log being written? Judged from the day's rows and from what had to be quarantined."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window


def judge_writing(log: pa.Table | None, damaged: pa.Table | None, window: Window) -> Verdict:
    """Whether there are rows, no line had to be set apart, and every answer names its version.

    ``log`` has columns ``status`` and ``model_version``; ``damaged`` has ``reason``, ``segment``
    and ``detail``. Either is None when it was not materialised.
    """
    rows = log.num_rows if log is not None else 0
    observed: dict[str, Observed] = {
        "rows": rows,
        "quarantined": damaged.num_rows if damaged is not None else None,
    }
    if damaged is not None and damaged.num_rows:
        findings = _damage(damaged, window)
        reason = f"{rows} rows were logged; " + "; ".join(finding.reason for finding in findings)
        return Verdict.failing(reason, *findings, sample_size=rows, observed=observed)
    if log is None:
        reason = "no log was compacted: no writer has begun a segment, or the asset did not run"
        return Verdict.lacking(reason, "volume", window=window, observed=observed)
    if not rows:
        return Verdict.lacking(
            "no prediction was logged", "volume", window=window, observed=observed
        )
    if damaged is None:
        reason = f"{rows} rows were logged, but the quarantine that tells damaged lines is missing"
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    if unversioned := _unversioned(log):
        reason = f"{unversioned} of {rows} rows were answered by a version that they do not name"
        found = Finding(
            "version", "fail", reason, columns=("model_version",), window=window, size=unversioned
        )
        return Verdict.failing(reason, found, sample_size=rows, observed=observed)
    versions = sorted({str(v) for v in log["model_version"].unique().to_pylist() if v is not None})
    answered = f", by version {', '.join(versions)}" if versions else ", none was answered"
    return Verdict.passing(
        f"{rows} predictions were logged{answered}; every line could be read",
        sample_size=rows,
        observed={**observed, "versions": ", ".join(versions)},
    )


def judge_actions(count: int, missing: str, window: Window) -> Verdict:
    """Whether the source of user actions has rows; ``missing`` says why it could not be read.

    >>> judge_actions(0, "", Window.of_day("2021-03-04")).status
    'no_evidence'
    """
    if missing:
        reason = f"user actions cannot be read: {missing}"
        return Verdict.lacking(reason, "completeness", window=window)
    if not count:
        reason = "the source of user actions has no row of this day"
        return Verdict.lacking(reason, "completeness", window=window)
    return Verdict.passing(
        f"{count} user actions bear witness", sample_size=count, observed={"user_actions": count}
    )


def _unversioned(log: pa.Table) -> int:
    answered = log.filter(pc.equal(log["status"], "ok"))
    return int(answered["model_version"].null_count)


def _damage(damaged: pa.Table, window: Window) -> list[Finding]:
    """One finding a reason, with the segments it concerns."""
    rows = damaged.to_pylist()
    counts = Counter(row["reason"] for row in rows)
    findings = []
    for reason, count in sorted(counts.items()):
        segments = sorted({row["segment"] for row in rows if row["reason"] == reason})
        named = ", ".join(segments[:3]) + (f" and {len(segments) - 3} more" if segments[3:] else "")
        # Only a whole segment's detail is shown: a line's may quote what it held.
        details = {row["detail"] for row in rows if row["reason"] == reason}
        why = f": {', '.join(sorted(filter(None, details)))}" if reason.endswith("segment") else ""
        text = f"{count} × {reason} in {named}{why}"
        findings.append(Finding("completeness", "fail", text, window=window, size=count))
    return findings
