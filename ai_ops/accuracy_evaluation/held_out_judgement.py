"""What is judged of a month's labelled evaluation set: held out, whole, enough, answered well."""

from collections.abc import Mapping, Sequence

from ai_ops.accuracy_evaluation.labels_needed import LabelsNeeded
from ai_ops.accuracy_evaluation.set_records import EvaluationSet, needed_for
from ai_ops.accuracy_evaluation.set_strata import THIN, Stratum, strata_of
from ai_ops.accuracy_evaluation.version_judgement import judge_rows
from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

NAMED_AT_MOST = 8


def judge_set(
    found: EvaluationSet,
    ids: Sequence[str],
    digest: str,
    learnt: Mapping[str, frozenset[str]] | None,
    window: Window,
    *,
    content: str,
    trained_by: str = "",
) -> Verdict:
    """Whether a set is held out: ``learnt`` are the ids that something learnt from, by its name;
    None where somebody else trains, of whom nobody here knows what they learnt from: then the
    declaration itself waives the question, and ``trained_by`` says whose answer is lacking.

    ``ids``, ``digest`` and ``content`` are those of the rows as they lie there now.
    """
    observed: dict[str, Observed] = {
        "rows": len(ids),
        "version": found.version,
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
    if (digest, content) != (found.digest, found.content):
        words = f"its rows are not those that were recorded ({content[:12]}, {found.content[:12]})"
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
        return Verdict(
            "waived",
            f"somebody else trains the model ({trained_by}): whether it learnt from the {len(ids)} "
            f"labelled predictions of {found.name} is for them to say; the rows are unchanged",
            observed | {"training": "somebody else's"},
            len(ids),
        )
    return Verdict.passing(
        f"none of the {len(ids)} labelled predictions of {found.name} is among the rows that "
        f"{_named(list(learnt))} learnt from",
        sample_size=len(ids),
        observed=observed,
    )


def judge_live(
    found: EvaluationSet,
    gate: Gate,
    truth: GroundTruth,
    live: str | None,
    window: Window,
    *,
    trained_here: bool = True,
) -> Verdict:
    """Whether the version in production is as good on the month's set as it was at launch."""
    on_set = found.live
    if on_set is None or live is None:
        reason = f"no version was in production at the end of {found.of}"
        return Verdict.lacking(reason, "accuracy", window=window)
    rows = on_set.measured
    about = (
        f"version {on_set.version} on {rows.rows} held-out predictions of {rows.days} days of "
        f"{found.name}, {on_set.answered} of them answered by itself"
    )
    about += "" if trained_here else ", of which nobody here knows whether it learnt from them"
    observed: dict[str, Observed] = {
        "version": on_set.version,
        "set_version": found.version,
        "digest": found.digest,
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


def judge_enough(found: EvaluationSet, truth: GroundTruth, window: Window) -> Verdict:
    """Whether a set has the labels that the asked precision needs, and a label of every stratum
    that is no rarity; the thin ones are named."""
    # By the precision that is asked now, which the set need not have known.
    needed = needed_for(found.live, truth.precision, found.rows)
    observed: dict[str, Observed] = {"version": found.version, "digest": found.digest}
    observed["labels"] = found.rows
    if needed is not None:
        observed |= {
            "metric": needed.metric,
            "precision": needed.precision,
            "precision_is_asked": needed.asked,
            "labels_needed": needed.needed,
            "half_width": None if needed.half_width is None else round(needed.half_width, 4),
            "design_effect": needed.design_effect,
        }
    lacking = [
        Finding("labels", "no_evidence", reason, window=window, size=float(found.rows))
        for reason in _too_few(found, needed, truth)
    ]
    strata = strata_of(found.strata, found.population)
    lacking += [_absent(one, found, window) for one in strata if one.absent(found.rows)]
    thin = [one for one in strata if one.thin]
    observed["thin_strata"] = len(thin)
    told = needed.words if needed else f"has {found.rows:,} labels"
    if needed is not None and needed.planned_on != "the set":
        told += f", planned on {needed.planned_on}"
    about = f"the set of {found.name} {told}"
    if thin:
        about += (
            f"; fewer than {THIN} labels of {_named([f'{one}: {one.labelled}' for one in thin])}"
        )
    if lacking:
        reason = "; ".join([*(finding.reason for finding in lacking), about])
        return Verdict.lacking(
            reason, "labels", *lacking, window=window, sample_size=found.rows, observed=observed
        )
    return Verdict.passing(about, sample_size=found.rows, observed=observed)


def _too_few(found: EvaluationSet, needed: LabelsNeeded | None, truth: GroundTruth) -> list[str]:
    """Why the labels do not suffice for the metric, or for the asked precision of it."""
    if not found.rows:
        return [f"the set of {found.of} has no labelled prediction"]
    labels = found.strata.get("label", {})
    if truth.kind == "binary" and len(labels) < 2:
        return [f"every label of {found.of} is {next(iter(labels))}: nothing is told apart"]
    if needed is None and truth.precision is not None:
        return [f"no metric of {found.of} or of the launch to plan ±{truth.precision:g} on"]
    if needed is not None and needed.asked and not needed.reached:
        return [f"too few labels for ±{needed.precision:g} of {needed.metric}"]
    return []


def _absent(stratum: Stratum, found: EvaluationSet, window: Window) -> Finding:
    share = stratum.population_share or 0.0
    reason = (
        f"no label of {stratum}, which is {share:.1%} of the predictions of {found.of}: its "
        "accuracy is unknown"
    )
    return Finding("labels", "no_evidence", reason, window=window, slice=str(stratum), size=share)


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
