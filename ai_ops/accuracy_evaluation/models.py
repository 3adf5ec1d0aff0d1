"""What the registry holds of the versions that are judged: their launch, and their scores."""

import numpy as np

from ai_ops.accuracy_evaluation.labelled_rows import Bools, LabelledRows
from ai_ops.accuracy_evaluation.metrics import (
    DaySums,
    Floats,
    calibration_curve,
    estimate,
    sum_by_day,
)
from ai_ops.accuracy_evaluation.reading import inputs_of, read_inputs
from ai_ops.accuracy_evaluation.records import Launch, Measured
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence


class JudgedModels:
    """The versions of a feature, each read once, with the rows that they are to score."""

    def __init__(self, root: Root, feature: AiFeatureSpec, rows: LabelledRows) -> None:
        self._root, self._feature, self._rows = root, feature, rows
        self._launches: dict[str, Launch | str] = {}
        self._loaded: dict[str, LoadedModel] = {}
        self._scores: dict[str, Floats] = {}

    def launch(self, version: str) -> Launch | str:
        """What the version promised, or why that is not known."""
        if version not in self._launches:
            self._launches[version] = self._read_launch(version)
        return self._launches[version]

    def beside(self, version: str) -> str | None:
        """The version to compare with: the baseline, or else the newest other one."""
        baseline = self._feature.baseline_version
        if baseline is not None and baseline != version:
            return baseline
        others = [v.version for v in self._root.registry.versions(self._feature.name)]
        return next((other for other in reversed(others) if other != version), None)

    def scores(self, version: str, where: Bools) -> Floats:
        """Another version's scores of the chosen rows.

        A day is always scored whole and alone: a float32 model answers in the last digits by the
        size of the batch, and a day must not depend on which others were asked for with it.
        """
        known = self._scores.setdefault(version, np.full(len(self._rows.score), np.nan))
        for day in sorted(set(self._rows.day[where & np.isnan(known)].tolist())):
            here = self._rows.day == day
            inputs = read_inputs(self._root.lake, self._feature, day)
            known[here] = self._load(version).scores(
                inputs_of(inputs, self._rows.ids[here].tolist())
            )
        return known[where]

    def _load(self, version: str) -> LoadedModel:
        if version not in self._loaded:
            self._loaded[version] = self._root.registry.load(self._feature.name, version)
        return self._loaded[version]

    def _read_launch(self, version: str) -> Launch | str:
        try:
            table, digest = self._root.registry.reference(self._feature.name, version)
        except (MissingEvidence, BadInput) as error:
            return str(error)
        judged = self._feature.judged
        wanted = ("time", "label", f"output_{judged.score}")
        if absent := [name for name in wanted if name not in table.column_names]:
            return f"the reference of version {version} has no column {absent[0]}"
        table = table.filter(table["label"].is_valid())
        if not table.num_rows:
            return f"the reference of version {version} has no labelled row"
        score = table[f"output_{judged.score}"].to_numpy().astype(float)
        days = np.datetime_as_string(table["time"].to_numpy().astype("datetime64[D]"))
        label = table["label"].to_numpy(zero_copy_only=False).astype(bool)
        sums = sum_by_day(days, score, label, score >= judged.threshold)
        return Launch(digest, measured(sums, sums.days[0], sums.days[-1]), calibration_curve(sums))


def measured(sums: DaySums, first_day: str, last_day: str) -> Measured:
    """The metrics of the days from first to last, with their intervals."""
    return Measured(first_day, last_day, len(sums.days), sums.rows, estimate(sums))
