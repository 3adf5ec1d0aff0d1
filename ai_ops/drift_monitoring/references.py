"""Which reference a day is judged against: that of the version that was live when it ended."""

from typing import Final

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.storage.declared_reference import DECLARED, declaration_of, reference_rows
from ai_ops.storage.in_force import live_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence, RegistryUnavailable
from ai_ops.vocabulary.moments import Moment

REFERENCE: Final = "reference_profile"
LATEST: Final = None
"""The file that names the version in production whose reference was profiled last."""

NOTHING_LIVE: Final = "no version is in production, so nothing says what is normal"


def reference_of(root: Root, feature: AiFeatureSpec, version: str) -> tuple[pa.Table, str]:
    """What a version's reference is made from, and its digest: the table beside it in the
    registry, or the one that the YAML declares."""
    if version == DECLARED:
        return reference_rows(root, feature)
    return root.registry.reference(feature.name, version)


def live_reference(root: Root, feature: AiFeatureSpec, moment: Moment) -> Reference:
    """What was normal for the version that was live when the moment's window ended."""
    return load_reference(root, feature, version_of(root, feature, moment))


def load_reference(root: Root, feature: AiFeatureSpec, version: str | None = LATEST) -> Reference:
    """What was normal for a version, by default for the one in production that was profiled last.

    ``MissingEvidence`` when it was never made.
    """
    if version is LATEST:
        latest, _ = root.lake.read_json(reference_path(root, feature, LATEST))
        version = str(latest["version"])
    try:
        data, _ = root.lake.read_json(reference_path(root, feature, version))
    except MissingEvidence as missing:
        if version == DECLARED:
            declaration_of(feature)
            raise MissingEvidence(
                f"the declared reference has no profile ({missing}): materialise reference_profile"
            ) from None
        raise MissingEvidence(
            f"nothing says what is normal for version {version} ({missing}): materialise "
            f"reference_profile with the version {version}"
        ) from None
    return Reference.from_data(data)


def reference_path(root: Root, feature: AiFeatureSpec, version: str | None) -> str:
    """Where the cells and thresholds of a version's reference lie (``LATEST``: which is live)."""
    return root.lake.path(feature.name, REFERENCE, version, "json")


def version_of(root: Root, feature: AiFeatureSpec, moment: Moment) -> str:
    """The version that was live when the moment's window ended; ``MissingEvidence`` for none.

    ``DECLARED`` where somebody else trains the model.
    """
    if not feature.trained_here:
        return DECLARED
    try:
        live = live_in(root, feature.name, moment)
    except RegistryUnavailable as error:
        raise MissingEvidence(f"nothing says which version answers: {error}") from error
    if live is None:
        raise MissingEvidence(f"{feature.name}: {NOTHING_LIVE}; launch one")
    return live.version
