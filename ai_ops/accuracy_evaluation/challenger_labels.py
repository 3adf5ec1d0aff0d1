"""Champion and challenger on the same labelled rows: the difference is paired by day."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.challenger_records import OnLabels
from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import label_cutoff
from ai_ops.accuracy_evaluation.metrics import Floats, Version, difference, measured
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window


def on_labels(
    root: Root,
    apart: Lake,
    feature: AiFeatureSpec,
    version: str,
    champion: str | None,
    since: Window,
    moment: Moment,
) -> OnLabels | str:
    """Both on the labelled rows of a window that both answered, or why there is no comparison.

    Of the champion's only what the version answered that is live by now: it is what the
    challenger would replace.
    """
    if not feature.labelled:
        return "nobody ever learns the correct answers (ground_truth.kind: none)"
    cutoff = label_cutoff(moment.as_of)
    try:
        rows = read_rows(root.lake, feature, since, cutoff)
    except MissingEvidence as error:
        return str(error)
    scores = _scores(apart, feature, version, rows.days, rows.ids.tolist())
    judged = (
        rows.by(champion)
        & rows.mature(cutoff, feature.ground_truth.mature_after_hours)
        & rows.labelled(cutoff)
        & rows.usable
        & np.isfinite(scores)
        & (rows.time >= np.datetime64(since.start.replace(tzinfo=None), "us"))
    )
    if not judged.any():
        return "no prediction that both answered has a label yet"
    kind, read_as = kind_of(feature), Version(feature.judged.threshold)
    other = replace(rows, answers=rows.answers.again(judged, scores[judged], read_as))
    own_sums, other_sums = sums_of(rows, judged, kind), sums_of(other, judged, kind)
    first, last = own_sums.days[0], own_sums.days[-1]
    return OnLabels(
        rows=int(judged.sum()),
        days=len(own_sums.days),
        first_day=first,
        last_day=last,
        challenger=measured(other_sums, first, last).metrics,
        champion=measured(own_sums, first, last).metrics,
        difference=difference(other_sums, own_sums),
    )


def _scores(
    apart: Lake, feature: AiFeatureSpec, version: str, days: Sequence[str], ids: Sequence[str]
) -> Floats:
    """The challenger's score of each of these predictions; NaN where it has none."""
    score, tables = f"output_{feature.judged.score}", []
    for day in days:
        try:
            path = apart.path(feature.name, "prediction_log", day)
            table, _ = apart.read_table(path, ["id", "model_version", "status", score])
        except MissingEvidence:
            continue
        answered = pc.and_(
            pc.equal(table["model_version"], version), pc.equal(table["status"], "ok")
        )
        tables.append(table.filter(answered).select(["id", score]))
    if not tables:
        return np.full(len(ids), np.nan)
    told = pa.concat_tables(tables)
    found = told[score].take(pc.index_in(pa.array(ids, pa.string()), told["id"]))
    scores: Floats = pc.fill_null(found.cast(pa.float64()), float("nan")).to_numpy()
    return scores
