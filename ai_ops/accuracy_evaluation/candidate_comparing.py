"""A candidate, the version in production and the one launched first, scored on the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.candidate_records import (
    Compared,
    Sameness,
    SliceCompared,
    Sliced,
)
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers
from ai_ops.accuracy_evaluation.gate_metrics import compare
from ai_ops.accuracy_evaluation.gate_slices import compare_slice, slices_by_label
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Answers, Bools
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.moved_scores import moved_scores
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.slices import SlicedColumn, sliced_columns, slicing_inputs
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.loaded_model import apart
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError

SUMMED_FROM = 100
"""Rows from which on a slice is summed at all; how many it needs is a criterion of the gate."""


@dataclass(frozen=True)
class Comparison:
    """What was found of the versions on the rows of the hold-out, or why nothing was."""

    compared: Compared | None = None
    no_comparison: str = ""
    beside_first: Compared | None = None
    no_first: str = ""
    sliced: Sliced = field(default_factory=Sliced)
    sameness: Sameness | None = None
    no_sameness: str = ""


def compare_versions(
    root: Root,
    feature: AiFeatureSpec,
    models: JudgedModels,
    rows: LabelledRows,
    judged: Bools,
    version: str,
    champion: str | None,
    first: str | None,
    *,
    fully: bool,
) -> Comparison:
    """The candidate beside the champion; ``fully``: by slices, and beside the first version too."""
    if champion is None:
        return Comparison(no_comparison="no version is in production")
    if not judged.any():
        return Comparison(no_comparison="the hold-out has no labelled row")
    asked = {}
    for number in (version, champion):
        try:
            asked[number] = models.asked(number, rows, judged)
        except AiOpsError as error:
            words = f"version {number} cannot answer the rows of the hold-out: {error}"
            return Comparison(no_comparison=words)
    kind, own = kind_of(feature), asked[version]
    sums = sums_of(own, judged, kind)
    compared = compare(sums, sums_of(asked[champion], judged, kind))
    compared = replace(compared, moved=_moved(own, asked[champion], judged))
    if not fully:
        return Comparison(compared)
    sameness, no_sameness = _sameness(root, feature, (version, champion), asked, judged)
    beside_first, no_first = None, ""
    if first is None:
        no_first = "the ledger knows of no launch"
    elif first not in (version, champion):
        try:
            earliest = models.asked(first, rows, judged)
            beside_first = compare(sums, sums_of(earliest, judged, kind))
            beside_first = replace(beside_first, moved=_moved(own, earliest, judged))
        except AiOpsError as error:
            no_first = f"it cannot answer the rows of the hold-out: {error}"
    return Comparison(
        compared=compared,
        beside_first=beside_first,
        no_first=no_first,
        sliced=slices_of(root, feature, own, asked[champion], judged),
        sameness=sameness,
        no_sameness=no_sameness,
    )


def _moved(own: LabelledRows, other: LabelledRows, judged: Bools) -> Estimate | None:
    if not isinstance(own.answers, BinaryAnswers) or not isinstance(other.answers, BinaryAnswers):
        return None
    days = own.day[judged].astype(str)
    return moved_scores(days, own.answers.score[judged], other.answers.score[judged])


def slices_of(
    root: Root, feature: AiFeatureSpec, own: LabelledRows, other: LabelledRows, judged: Bools
) -> Sliced:
    """Two versions' answers to the same rows, slice by slice; or why there is no slice."""
    kind = kind_of(feature)
    if not feature.sliced_by:
        return Sliced(problem="the feature's file names none (slices: []); name a column")
    try:
        columns = sliced_columns(root, feature, own)
    except AiOpsError as error:
        return Sliced(problem=str(error))
    found = slices_by_label(sums_of(own, judged, kind), sums_of(other, judged, kind))
    divided, seen = set(), list[SlicedColumn]()
    for column in columns:
        if any(np.array_equal(column.codes, other.codes) for other in seen):
            divided.add(column.column)  # it divides the rows as another column did
            continue
        seen.append(column)
        whole = []
        for one, where in column.slices():
            here = judged & where
            if (count := int(here.sum())) >= SUMMED_FROM:
                sums = (sums_of(rows, here, kind) for rows in (own, other))
                whole.append(compare_slice(one.column, one.value, *sums))
            elif count:
                days = sum(1 for rows in own.count(here).values() if rows)
                whole.append(SliceCompared(one.column, one.value, count, days))
        if len(whole) > 1:
            divided.add(column.column)
            found += whole
    undivided = [name for name in feature.sliced_by if name not in divided]
    # Of one tenant there is one slice; an input that divides nothing was not looked at.
    if not found and (inputs := [name for name in slicing_inputs(feature) if name in undivided]):
        words = f"{', '.join(inputs)}: missing, of one value or of too many; name some that divide"
        return Sliced(undivided=undivided, problem=words)
    return Sliced(found, undivided)


def _sameness(
    root: Root,
    feature: AiFeatureSpec,
    versions: tuple[str, str],
    asked: dict[str, LabelledRows],
    judged: Bools,
) -> tuple[Sameness | None, str]:
    try:
        known = {one.version: one for one in root.registry.versions(feature.name)}
        one, other = (known[number] for number in versions)
    except AiOpsError as error:
        return None, str(error)
    files = [
        (params.get("sha256.model"), params.get("sha256.encoder"))
        for params in (one.params, other.params)
    ]
    if not all(part for pair in files for part in pair):
        return None, "a version was registered without the digests of its files"
    if not one.dataset_digest or not other.dataset_digest:
        return None, "a version was registered without the digest of what it learnt from"
    answers: Sequence[Answers] = [asked[number].answers.take(judged) for number in versions]
    return Sameness(
        same_files=files[0] == files[1],
        same_data=one.dataset_digest == other.dataset_digest,
        differing=differing(*answers),
    ), ""


def differing(one: Answers, other: Answers) -> int:
    """How many of N rows two versions answer differently, beyond what float32 explains."""
    match one, other:
        case (BinaryAnswers(), BinaryAnswers()):
            found = apart(one.score, other.score)
        case (NumberAnswers(), NumberAnswers()):
            found = apart(one.score, other.score, "number")
        case (DecisionAnswers(), DecisionAnswers()):
            found = one.decision != other.decision
        case (ClassAnswers(), ClassAnswers()):
            found = one.decision != other.decision
            if one.probabilities.shape == other.probabilities.shape:
                found = found | apart(one.probabilities, other.probabilities, "classes").any(axis=1)
        case _:
            raise ValueError("two versions of a feature answer in one kind")
    return int(found.sum())
