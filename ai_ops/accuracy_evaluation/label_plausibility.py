"""Do the labels look wrong? The rules, on the signs that an evaluation run holds.

What only labels can have done is claimed; what the world can have done as well is not: then the
verdict says that it cannot be told apart, and leaves it to the accuracy.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ai_ops.accuracy_evaluation.label_flips import FLIPS_AT_LEAST
from ai_ops.accuracy_evaluation.label_records import (
    Exchanged,
    Flips,
    LabelSigns,
    OneLabel,
    Rescaled,
)
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

GROUPS_AT_LEAST: Final = 3
"""So many groups of rows must be able to refute flips before their silence confirms them."""

REVERSED: Final = -0.2
"""Below this contrast labels say the opposite: no model decays into its own contrary."""

UNEXPLAINED: Final = 0.05
"""A rate that is off by more than this, with its whole interval, is worth a word."""


def judge_plausible(signs: LabelSigns, truth: GroundTruth, window: Window) -> Verdict:
    """The verdict on the labels of a week."""
    findings = list(label_faults(signs, window))
    observed = _observed(signs)
    if findings:
        return Verdict.failing(
            "; ".join(finding.reason for finding in findings) + ": labels, not the model",
            *findings,
            sample_size=signs.rows,
            observed=observed,
        )
    lacking = signs.problem and f"there is nothing to hold the labels against: {signs.problem}"
    if signs.rows < truth.minimum_labels:
        lacking = f"{signs.rows} labelled predictions, at least {truth.minimum_labels} are needed"
    if lacking:
        return Verdict.lacking(
            lacking, "labels", window=window, sample_size=signs.rows, observed=observed
        )
    return Verdict.passing(
        f"nothing speaks against {plural(signs.rows, 'label')} of "
        f"{plural(len(signs.days), 'day')}{_untold(signs)}",
        sample_size=signs.rows,
        observed=observed,
    )


def unless_plausible(signs: LabelSigns | None, window: Window) -> Verdict | None:
    """That accuracy is not known where the labels look wrong; None where nothing says so."""
    faults = [] if signs is None else list(label_faults(signs, window))
    if not faults or signs is None:
        return None
    words = "; ".join(fault.reason for fault in faults)
    return Verdict.lacking(
        f"accuracy is not known, for the labels look wrong: {words}",
        "labels",
        *(replace(fault, status="no_evidence") for fault in faults),
        sample_size=signs.rows,
    )


def label_faults(signs: LabelSigns, window: Window) -> Iterator[Finding]:
    """What surely is wrong with labels."""
    for one in signs.one_label:
        yield _all_alike(one)
    if signs.flips is not None and are_flipped(signs.flips):
        yield _flipped(signs.flips, window)
    if signs.rescaled is not None:
        yield _another_unit(signs.rescaled, window)
    if signs.exchanged is not None:
        yield _renamed(signs.exchanged, window)


def are_flipped(flips: Flips) -> bool:
    """Whether flips explain what is seen, and nothing else does.

    The share is surely large; groups that would be purer if the labels were right are not, and no
    group is purer than flips allow. Labels that say the opposite more often than not need no group.
    """
    if flips.contrast.below(REVERSED):
        return True
    confirmed = flips.telling >= GROUPS_AT_LEAST and not flips.refuting
    return flips.share.beyond(FLIPS_AT_LEAST) and confirmed


def _all_alike(one: OneLabel) -> Finding:
    window = Window.of_day(one.day)
    reason = (
        f"all {plural(one.rows, 'label')} of {one.day} say {one.label}, where at least "
        f"{one.others:.1%} say otherwise"
    )
    return Finding(
        "labels", "fail", reason, window=window, begin=window.start, size=float(one.rows)
    )


def _flipped(flips: Flips, window: Window) -> Finding:
    begin = Window.of_day(flips.since).start
    about = f"{plural(flips.rows, 'label')} of {plural(flips.days, 'day')}"
    if flips.contrast.below(REVERSED):
        reason = (
            f"most labels look flipped since {flips.since}: of {about}, rows that were hardly ever "
            "positive are the ones that are, and the reverse"
        )
        return Finding("labels", "fail", reason, window=window, begin=begin, size=1.0)
    low, high = flips.share.low or 0.0, flips.share.high or 1.0
    reason = (
        f"about {flips.share.value:.0%} of the labels look flipped since {flips.since} "
        f"({max(low, 0):.0%} to {min(high, 1):.0%}, {about}): rows that the version is sure of are "
        f"wrong either way, and of {flips.telling} groups that would be purer than that not one is"
    )
    return Finding("labels", "fail", reason, window=window, begin=begin, size=flips.share.value)


def _another_unit(one: Rescaled, window: Window) -> Finding:
    how = "have the other sign" if one.factor < 0 else f"are {_times(one.factor)} what they were"
    if one.factor < 0 and not 0.8 < -one.factor < 1.25:
        how = f"have the other sign and are {_times(-one.factor)} what they were"
    reason = (
        f"the labels {how} since {one.since} ({plural(one.rows, 'label')}): the error is "
        f"{one.error:.4g} with them as they are and {one.divided:.4g} without that, at launch "
        f"{one.launch:.4g}; another unit"
    )
    begin = Window.of_day(one.since).start
    return Finding("labels", "fail", reason, window=window, begin=begin, size=one.factor)


def _times(factor: float) -> str:
    return f"{factor:.3g} times" if factor >= 1 else f"1/{1 / factor:.3g} of"


def _renamed(one: Exchanged, window: Window) -> Finding:
    names = ", ".join(f"{label} for {name}" for label, name in one.names)
    reason = (
        f"the names of labels look exchanged since {one.since} ({names}): "
        f"{one.accuracy:.0%} of {plural(one.rows, 'answer')} are right as they are, "
        f"{one.renamed:.0%} with the names put back, {one.launch:.0%} at launch"
    )
    begin = Window.of_day(one.since).start
    size = one.renamed - one.accuracy
    return Finding("labels", "fail", reason, window=window, begin=begin, size=size)


def _untold(signs: LabelSigns) -> str:
    """What labels alone cannot explain, in words."""
    words = ""
    apart = signs.apart
    if apart is not None and (apart.beyond(UNEXPLAINED) or apart.below(-UNEXPLAINED)):
        words += (
            f"; {signs.observed:.0%} of them are positive, {signs.expected:.0%} were at launch at "
            "the same scores"
        )
    flips = signs.flips
    if flips is not None and flips.share.beyond(FLIPS_AT_LEAST):
        words += (
            f"; scores tell labels apart {flips.contrast.value:.0%} as well as at launch since "
            f"{flips.since}, as {flips.share.value:.0%} flipped ones would make them"
        )
        if flips.refuting:
            words += f", but {flips.refuted_by} is purer than flips allow: not the labels"
            return words
    if words:
        words += ": labels alone do not tell wrong ones from a world that changed, accuracy does"
    return words


def _observed(signs: LabelSigns) -> dict[str, Observed]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    observed: dict[str, Observed] = {
        "labels": signs.rows,
        "days_of_one_label": len(signs.one_label),
        "rate": rounded(signs.observed),
        "rate_expected": rounded(signs.expected),
    }
    if signs.flips is not None:
        share = signs.flips.share
        observed |= {
            "flipped_share": rounded(share.value),
            "flipped_low": rounded(share.low),
            "flipped_high": rounded(share.high),
            "flipped_since": signs.flips.since,
            "contrast": rounded(signs.flips.contrast.value),
            "groups_telling": signs.flips.telling,
            "groups_refuting": signs.flips.refuting,
        }
    if signs.rescaled is not None:
        observed["factor"] = rounded(signs.rescaled.factor)
    return observed
