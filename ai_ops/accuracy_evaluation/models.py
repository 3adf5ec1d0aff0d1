"""What the registry holds of the versions that are judged: their launch, and their scores."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.launch import LaunchRows, launch_of, launch_rows
from ai_ops.accuracy_evaluation.metrics import Bools, Floats, Version
from ai_ops.accuracy_evaluation.reading import inputs_of, read_inputs
from ai_ops.accuracy_evaluation.records import AnswerKind, Launch
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.declared_reference import reference_table
from ai_ops.storage.loaded_model import LoadedModel, ModelKind
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

ANSWERED: Final[Mapping[AnswerKind, ModelKind]] = {
    "score": "score",
    "decision": "score",
    "classes": "classes",
    "number": "number",
}
"""What the versions of a feature answer, by what of it is judged."""


class JudgedModels:
    """The versions of a feature, each read once, and what they answered."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature
        self._launches: dict[str, Launch | str] = {}
        self._rows: dict[str, tuple[LaunchRows, str]] = {}
        self._versions: tuple[str, ...] | None = None
        self._loaded: dict[str, LoadedModel] = {}
        self._answers: dict[tuple[str, str], Floats] = {}

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
        if self._versions is None:
            held = self._root.registry.versions(self._feature.name)
            self._versions = tuple(one.version for one in held)
        return next((other for other in reversed(self._versions) if other != version), None)

    def asked(self, version: str, rows: LabelledRows, where: Bools) -> LabelledRows:
        """The rows, of which another version answers the chosen ones.

        Raises ``BadInput`` where no version of the feature is here, or it answers another kind.
        """
        if not self._feature.trained_here:
            raise BadInput(
                f"{self._feature.name}: somebody else trains the model (served_by: "
                f"{self._feature.served_by}): only a version that is registered here can be asked"
            )
        reads = Version(self._feature.judged.threshold, self.classes_of(version))
        found = [
            self._answers_of(version, day, rows.ids[here].tolist())[where[here]]
            for day in (day for day, count in rows.count(where).items() if count)
            for here in (rows.on([day]),)
        ]
        if not found:
            return rows
        return replace(rows, answers=rows.answers.again(where, np.concatenate(found), reads))

    def load(self, version: str) -> LoadedModel:
        """A version in memory, read once."""
        if version not in self._loaded:
            self._loaded[version] = self._root.registry.load(self._feature.name, version)
        return self._loaded[version]

    def classes_of(self, version: str) -> tuple[str, ...]:
        """The classes that a version answers; none of another kind."""
        expected: ModelKind = ANSWERED[kind_of(self._feature).name]
        answered = self.load(version).answered
        if answered.kind != expected:
            raise BadInput(
                f"{self._feature.name}: version {version} was registered as answering "
                f"{answered.kind}, and the feature judges {expected} (ground_truth.kind: "
                f"{self._feature.ground_truth.kind})"
            )
        declared = self._feature.judged.probabilities
        if unknown := sorted(declared.keys() - set(answered.classes)):
            raise BadInput(
                f"{self._feature.name}: version {version} answers no class {unknown[0]}, which "
                "judged.probabilities declares"
            )
        return answered.classes

    def _answers_of(self, version: str, day: str, ids: list[str]) -> Floats:
        # A day is always answered whole and alone: a float32 model answers in the last digits by
        # the size of the batch, and a day must not depend on which others were asked for with it.
        if (version, day) not in self._answers:
            inputs = read_inputs(self._root.lake, self._feature, day)
            answers = self.load(version).answers(inputs_of(inputs, ids))
            self._answers[version, day] = np.asarray(answers, float)
        return self._answers[version, day]

    def launch_rows(self, version: str) -> tuple[LaunchRows, str]:
        """The rows that a version was launched with, and the digest of their file: the reference
        registered with it, or the one that the YAML declares.

        Raises ``MissingEvidence`` or ``BadInput`` where there is none that can be judged.
        """
        if version not in self._rows:
            about = "the declared reference"
            if self._feature.trained_here:
                about = f"the reference of version {version}"
                table, digest = self._root.registry.reference(self._feature.name, version)
            else:
                table, digest = reference_table(self._root, self._feature)
            self._rows[version] = launch_rows(self._feature, table, about), digest
        return self._rows[version]

    def _read_launch(self, version: str) -> Launch | str:
        try:
            return launch_of(self._feature, *self.launch_rows(version))
        except (MissingEvidence, BadInput) as error:
            return str(error)
