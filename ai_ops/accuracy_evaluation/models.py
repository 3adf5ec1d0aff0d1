"""What the registry holds of the versions that are judged: their launch, and their scores."""

from dataclasses import replace

import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.launch import launch_of
from ai_ops.accuracy_evaluation.metrics import Bools, Floats
from ai_ops.accuracy_evaluation.reading import inputs_of, read_inputs
from ai_ops.accuracy_evaluation.records import Launch
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.declared_reference import reference_table
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence


class JudgedModels:
    """The versions of a feature, each read once, and what they scored."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature
        self._launches: dict[str, Launch | str] = {}
        self._loaded: dict[str, LoadedModel] = {}
        self._scores: dict[tuple[str, str], Floats] = {}

    def launch(self, version: str) -> Launch | str:
        """What the version promised, or why that is not known."""
        if version not in self._launches:
            self._launches[version] = self._read_launch(version)
        return self._launches[version]

    def beside(self, version: str) -> str | None:
        """The version to compare with: the baseline, or else the newest other one.

        None where there is no other, or no registry that could hold one.
        """
        if not self._feature.trained_here:
            return None
        baseline = self._feature.baseline_version
        if baseline is not None and baseline != version:
            return baseline
        others = [v.version for v in self._root.registry.versions(self._feature.name)]
        return next((other for other in reversed(others) if other != version), None)

    def asked(self, version: str, rows: LabelledRows, where: Bools) -> LabelledRows:
        """The rows, of which another version answers the chosen ones.

        Raises ``BadInput`` for answers without a score: only scores are asked for again.
        """
        answers = rows.answers
        if not isinstance(answers, BinaryAnswers) or not self._feature.trained_here:
            raise BadInput(
                f"{self._feature.name}: only a version that is registered here and answers a "
                "binary label with a score can be asked again (served_by: "
                f"{self._feature.served_by}, ground_truth.kind: {self._feature.ground_truth.kind})"
            )
        scores = answers.score.copy()
        for day, count in rows.count(where).items():
            if count:
                here = rows.on([day])
                asked = self._scores_of(version, day, rows.ids[here].tolist())
                scores[here & where] = asked[where[here]]
        again = answers.scored_again(scores, self._feature.judged.threshold)
        return replace(rows, answers=again)

    def _scores_of(self, version: str, day: str, ids: list[str]) -> Floats:
        # A day is always scored whole and alone: a float32 model answers in the last digits by
        # the size of the batch, and a day must not depend on which others were asked for with it.
        if (version, day) not in self._scores:
            inputs = read_inputs(self._root.lake, self._feature, day)
            scores = self._load(version).scores(inputs_of(inputs, ids))
            self._scores[version, day] = np.asarray(scores, float)
        return self._scores[version, day]

    def _load(self, version: str) -> LoadedModel:
        if version not in self._loaded:
            self._loaded[version] = self._root.registry.load(self._feature.name, version)
        return self._loaded[version]

    def _read_launch(self, version: str) -> Launch | str:
        """By the reference registered with the version, or the one that the YAML declares."""
        about = "the declared reference"
        try:
            if self._feature.trained_here:
                about = f"the reference of version {version}"
                table, digest = self._root.registry.reference(self._feature.name, version)
            else:
                table, digest = reference_table(self._root, self._feature)
            return launch_of(self._feature, table, digest, about)
        except (MissingEvidence, BadInput) as error:
            return str(error)
