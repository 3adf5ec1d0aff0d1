"""A month's labelled evaluation set: the record of it, and what is judged of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ai_ops.accuracy_evaluation.records import Measured
from ai_ops.accuracy_evaluation.version_judgement import judge_rows
from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

NAMED_AT_MOST = 8


@dataclass(frozen=True)
class LiveOnSet:
    """The version in production on a set's rows, and what it promised at launch.

    ``answered`` of the rows it answered itself; the others were answered by other versions, and
    it was asked again, unless ``not_asked`` says why it could not be.
    """

    version: str
    answered: int
    measured: Measured
    launch: Measured | None = None
    no_launch: str = ""
    not_asked: str = ""


@dataclass(frozen=True)
class EvaluationSet:
    """What a month's set holds, as recorded; its rows lie beside it in a table.

    ``digest`` is the sha256 of their ids and labels. ``strata`` counts rows by the values of some
    columns; ``unlabelled`` are predictions of the set whose label has not come.
    """

    feature: str
    month: str
    as_of: datetime
    label_cutoff: datetime
    share: float
    rows: int
    days: int
    positives: int
    unlabelled: int
    contradicted: int
    digest: str
    strata: dict[str, dict[str, int]] = field(default_factory=dict)
    live: LiveOnSet | None = None
    read: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def of(self) -> str:
        """The month, as people write it."""
        return self.month[:7]


def judge_set(
    found: EvaluationSet,
    ids: Sequence[str],
    digest: str,
    learnt: Mapping[str, frozenset[str]] | None,
    window: Window,
) -> Verdict:
    """Whether a set is held out: ``learnt`` are the ids that something learnt from, by its name;
    None where somebody else trains, of whom nobody here knows what they learnt from.

    ``ids`` and ``digest`` are those of the rows as they lie there now.
    """
    observed: dict[str, Observed] = {
        "rows": len(ids),
        "digest": digest,
        "compared_with": 0 if learnt is None else len(learnt),
        "unlabelled": found.unlabelled,
    }
    wrong = []
    strangers = [id for id in ids if not is_held_out(id, found.share)]
    if strangers:
        wrong.append((len(strangers), f"{_some(strangers)} not held out by its id"))
    for name, trained in (learnt or {}).items():
        if seen := sorted(trained.intersection(ids)):
            wrong.append((len(seen), f"{name} learnt from {_some(seen)}"))
    if digest != found.digest:
        words = f"its rows are not those that were recorded ({digest[:12]}, {found.digest[:12]})"
        wrong.append((len(ids), words))
    if wrong:
        findings = [
            Finding("data_quality", "fail", reason, window=window, size=float(count))
            for count, reason in wrong
        ]
        reason = f"the set of {found.of}: " + "; ".join(reason for _, reason in wrong)
        return Verdict.failing(reason, *findings, sample_size=len(ids), observed=observed)
    lacking = None
    if not ids:
        lacking = f"the set of {found.of} has no labelled prediction"
    elif found.missing:
        lacking = f"the set of {found.of} is not whole: {_days_of(found.missing)} not there"
    elif learnt is not None and not learnt:
        lacking = f"no version is registered that the set of {found.of} could be held out of"
    if lacking is not None:
        return Verdict.lacking(
            lacking, "labels", window=window, sample_size=len(ids), observed=observed
        )
    if learnt is None:
        return Verdict.passing(
            f"the {len(ids)} labelled predictions of {found.of} are those that their ids choose, "
            "and unchanged; somebody else trains the model: whether it learnt from them cannot be "
            "checked",
            sample_size=len(ids),
            observed=observed | {"training": "somebody else's"},
        )
    return Verdict.passing(
        f"none of the {len(ids)} labelled predictions of {found.of} is among the rows that "
        f"{_named(list(learnt))} learnt from",
        sample_size=len(ids),
        observed=observed,
    )


def judge_live(
    found: EvaluationSet, gate: Gate, truth: GroundTruth, live: str | None, window: Window
) -> Verdict:
    """Whether the version in production is as good on the month's set as it was at launch."""
    on_set = found.live
    if on_set is None or live is None:
        reason = f"no version was in production at the end of {found.of}"
        return Verdict.lacking(reason, "accuracy", window=window)
    rows = on_set.measured
    about = (
        f"version {on_set.version} on {rows.rows} held-out predictions of {rows.days} days of "
        f"{found.of}, {on_set.answered} of them answered by itself"
    )
    observed: dict[str, Observed] = {
        "version": on_set.version,
        "rows": rows.rows,
        "days": rows.days,
        "answered": on_set.answered,
    }
    lacking = None
    if live != on_set.version:
        lacking = f"{about}; in production was version {live}: materialise the set again"
    elif rows.rows < truth.minimum_labels or rows.days < gate.minimum_days:
        lacking = f"{about}: at least {truth.minimum_labels} of {gate.minimum_days} are needed"
        lacking += f"; {on_set.not_asked}" if on_set.not_asked else ""
    elif on_set.launch is None:
        lacking = f"{about}: nothing to compare with: {on_set.no_launch}"
    if lacking is not None or on_set.launch is None:
        return Verdict.lacking(
            lacking or about, "labels", window=window, sample_size=rows.rows, observed=observed
        )
    return judge_rows(about, rows, on_set.launch, gate, window, observed)


def _some(ids: Sequence[str]) -> str:
    return f"{len(ids)} of its rows, as {ids[0]}"


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    shown = ", ".join(names[:NAMED_AT_MOST])
    return f"{shown} and {more} more" if more > 0 else shown


def _days_of(missing: Sequence[str]) -> str:
    """Each asset once, with the days of it that are lacking.

    >>> _days_of([f"loans/ground_truth/2021-03-{day}" for day in (29, 30, 31)])
    'ground_truth of 3 days from 2021-03-29 to 2021-03-31'
    """
    days: dict[str, list[str]] = {}
    for source in missing:
        asset, _, day = source.partition("/")[2].partition("/")
        days.setdefault(asset, []).append(day)
    return ", ".join(
        f"{asset} of {plural(len(of), 'day')} from {min(of)} to {max(of)}"
        if len(of) > 1
        else f"{asset} of {of[0]}"
        for asset, of in days.items()
    )
