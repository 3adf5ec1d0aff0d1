"""Whether a day's inputs are what the model was made for: no drift, but broken data.

Pure: from one day's profile and the reference to a ``Verdict``.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn, share_of
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.windows import Window

CHANCE: Final = 0.001
NULLS_MARGIN: Final = 0.05
UNSEEN_ALLOWED: Final = 0.01
FAR_ALLOWED: Final = 0.01


def judge_well_formed(
    reference: Reference,
    profile: Sequence[Mapping[str, Any]],
    window: Window,
    *,
    nullable: frozenset[str],
    inputs: Sequence[str],
) -> Verdict:
    """Whether every input is there, filled, of its type, and inside what is plausible.

    Nulls are compared with the worst day of the reference (an input that is never null there, or
    not ``nullable``, has none to spare), with what chance adds to a day of this size. Values are
    implausible a whole width of the reference's range outside it: mere extremes of a new
    season are drift's business.
    """
    rows_of: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in profile:
        rows_of[row["column"]].append(row)
    size = max((sum(row["count"] for row in rows) for rows in rows_of.values()), default=0)
    if not size:
        return Verdict.lacking("the day has no answered prediction", "volume", window=window)
    known = {column.name: column for column in reference.columns}
    broken: list[Finding] = []
    unknown: list[Finding] = []
    for name in inputs:
        if name not in known or known[name].empty:
            what = "missing from" if name not in known else "null throughout"
            reason = f"{name} is {what} the reference, so nothing says what is normal"
            unknown.append(_finding(name, reason, window, None, status="no_evidence"))
        else:
            found = _faults(known[name], rows_of[name], window, name in nullable)
            broken.extend(found)
    observed = {"rows": size, "inputs": len(inputs), "faults": len(broken)}
    if broken:
        names = ", ".join(dict.fromkeys(f.columns[0] for f in broken))
        reason = f"broken: {names}; {len({f.columns for f in broken})} of {len(inputs)} inputs"
        findings = (*broken, *unknown)
        return Verdict.failing(reason, *findings, sample_size=size, observed=observed)
    if unknown:
        names = ", ".join(f.columns[0] for f in unknown)
        reason = f"{len(unknown)} inputs could not be judged: {names}"
        return Verdict.lacking(
            reason, "data_quality", *unknown, sample_size=size, observed=observed
        )
    reason = f"all {len(inputs)} inputs of {size:,} rows are there, filled and plausible"
    return Verdict.passing(reason, sample_size=size, observed=observed)


@lru_cache(maxsize=4096)
def share_limit(usual: float, n: int, *, margin: float) -> float:
    """The share of ``n`` rows that chance exceeds once in a thousand days, and a margin.

    The binomial quantile at the usual share, plus what is borne on purpose.

    >>> round(share_limit(0.02, 1_000, margin=0.05), 3)
    0.085
    """
    return float(binom.ppf(1 - CHANCE, n, min(max(usual, 0.0), 1.0))) / n + margin


def _faults(
    column: ReferenceColumn, rows: Sequence[Mapping[str, Any]], window: Window, nullable: bool
) -> list[Finding]:
    name = column.name
    if not rows or any(row["cell"] == "missing" for row in rows):
        return [_finding(name, f"{name} is missing from the log", window, 1.0)]
    counts: NDArray[np.int64] = column.cells.counts(rows)
    n = int(counts.sum())
    nulls = share_of(column.cells, counts, "null", "nan")
    if nulls == 1.0 and column.share("null") < 1.0:
        return [_finding(name, f"{name} is null in all {n:,} rows", window, 1.0)]
    usual = column.highest_null_share if nullable else 0.0
    faults = []
    if nulls > share_limit(usual, n, margin=NULLS_MARGIN):
        borne = f"its worst reference day: {usual:.0%}" if nullable else "it is not `nullable`"
        reason = f"{name} is null in {nulls:.0%} of {n:,} rows; {borne}"
        faults.append(_finding(name, reason, window, nulls))
    invalid = share_of(column.cells, counts, "invalid")
    if invalid:
        reason = f"{name} is no number in {invalid:.1%} of {n:,} rows"
        faults.append(_finding(name, reason, window, invalid))
    unseen = share_of(column.cells, counts, "unseen")
    if unseen > share_limit(UNSEEN_ALLOWED, n, margin=0.0):
        categories = len({row["value"] for row in rows if row["cell"] == "unseen"})
        reason = (
            f"{name} has {categories} categories that the reference never had, in {unseen:.1%} of "
            f"{n:,} rows"
        )
        faults.append(_finding(name, reason, window, unseen))
    far = share_of(column.cells, counts, "far_under", "far_over")
    if far > share_limit(FAR_ALLOWED, n, margin=0.0):
        low, high = column.cells.far
        reason = f"{name} is implausible in {far:.1%} of {n:,} rows: not in {low:.4g} … {high:.4g}"
        faults.append(_finding(name, reason, window, far))
    return faults


def _finding(
    name: str, reason: str, window: Window, size: float | None, *, status: Any = "fail"
) -> Finding:
    return Finding(
        "data_quality",
        status,
        reason,
        columns=(name,),
        window=window,
        begin=window.start,
        size=size,
    )
