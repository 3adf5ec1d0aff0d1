"""Which columns a day's log has: asked of the registry, once for each version that answered."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn
from ai_ops.prediction_logging.log_columns import LogColumns, columns_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence, RegistryUnavailable

VERSION_INPUTS = "prediction_log/version_inputs"
NO_ANSWER = "the registry does not answer"
"""Why a version's inputs are unknown while nothing can be said of the version itself."""


class VersionInputs:
    """The inputs of a feature's versions, read from the registry and then kept in the lake.

    A version never changes, so that what was read once holds. A version that cannot be read is
    asked for again the next time; until then the YAML's columns are its own, and the log says so.
    """

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature
        self._unknown: dict[str, str] = {}
        self._outage = ""

    def columns(self, versions: Iterable[str]) -> LogColumns:
        """The columns of the feature with all versions that are known, these among them."""
        if self._feature.served_by == "own_model":
            self._learn(set(versions) - self._inputs.keys() - self._unknown.keys())
        return columns_of(self._feature, self._inputs, self._unknown)

    @cached_property
    def _path(self) -> str:
        return self._root.lake.path(self._feature.name, VERSION_INPUTS, None, "json")

    @cached_property
    def _inputs(self) -> dict[str, tuple[InputColumn, ...]]:
        try:
            data, _ = self._root.lake.read_json(self._path)
            return {
                version: tuple(InputColumn.model_validate(column) for column in columns)
                for version, columns in sorted(data.items(), key=lambda item: _age(item[0]))
            }
        except (MissingEvidence, ValueError, AttributeError, TypeError):
            return {}  # a copy: what is absent or unreadable is read again from the registry

    def _learn(self, versions: set[str]) -> None:
        learnt = False
        for version in sorted(versions, key=_age):
            if self._outage:
                self._unknown[version] = self._outage
                continue
            try:
                found = self._root.registry.inputs(self._feature.name, version)
            except RegistryUnavailable:
                self._outage = NO_ANSWER
                self._unknown[version] = self._outage
            except AiOpsError as error:
                self._unknown[version] = str(error)
            else:
                self._inputs[version] = found
                learnt = True
        if learnt:
            kept: dict[str, Any] = {
                version: [column.model_dump() for column in columns]
                for version, columns in self._inputs.items()
            }
            self._root.lake.write_json(self._path, kept)


def _age(version: str) -> tuple[int, str]:
    return (int(version) if version.isdigit() else 0, version)
