"""What an answer takes, measured: the candidate and the version in production in turn."""

from collections.abc import Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Any, Final

from ai_ops.accuracy_evaluation.candidate_records import Budgeted, Speed
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Bools
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.reading import inputs_of, read_inputs
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError

BATCH: Final = 128
REPEATS: Final = 25
WARM_UP: Final = 2


def measure_budget(
    root: Root,
    feature: AiFeatureSpec,
    models: JudgedModels,
    rows: LabelledRows,
    judged: Bools,
    versions: tuple[str, str | None],
) -> tuple[Budgeted | None, str]:
    """Candidate and champion on rows of the hold-out's last day; and why nothing was measured."""
    candidate, champion = versions
    days = [day for day, count in rows.count(judged).items() if count]
    if champion is None or not days:
        return None, "there is no version to compare with, or no row to ask for"
    try:
        ids = rows.ids[judged & rows.on([days[-1]])][:BATCH].tolist()
        columns = inputs_of(read_inputs(root.lake, feature, days[-1]), ids)
        loaded = (models.load(candidate), models.load(champion))
        known = {one.version: one.size_bytes for one in root.registry.versions(feature.name)}
        sizes = [known[one.version] for one in loaded]
        times = in_turn(loaded, columns)
    except AiOpsError as error:
        return None, str(error)
    own, other = (
        Speed(median(one) * 1e3, median(many) * 1e3 / len(ids), size)
        for (one, many), size in zip(times, sizes, strict=True)
    )
    return Budgeted(own, other, len(ids), REPEATS), ""


def in_turn(
    loaded: Sequence[LoadedModel], columns: Mapping[str, list[Any]]
) -> list[tuple[list[float], list[float]]]:
    """Seconds for a row by itself and for all rows, of each model.

    In turn, so that what else the machine does in these moments befalls all of them alike.
    """
    row = [{name: values[0] for name, values in columns.items()}]
    found: list[tuple[list[float], list[float]]] = [([], []) for _ in loaded]
    for repeat in range(WARM_UP + REPEATS):
        for model, (one, many) in zip(loaded, found, strict=True):
            begin = perf_counter()
            model.answers(row)
            between = perf_counter()
            model.answers(columns)
            if repeat >= WARM_UP:
                one.append(between - begin)
                many.append(perf_counter() - between)
    return found
