"""Which reference a day is judged against: that of the version that was live when it ended."""

from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.storage.in_force import live_in
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence, RegistryUnavailable
from ai_ops.vocabulary.moments import Moment

REFERENCE: Final = "reference_profile"
LATEST: Final = None
"""The file that names the version in production whose reference was profiled last."""

NOTHING_LIVE: Final = "no version is in production, so nothing says what is normal"


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
        raise MissingEvidence(
            f"nothing says what is normal for version {version} ({missing}): materialise "
            f"reference_profile with the version {version}"
        ) from None
    return Reference.from_data(data)


def reference_path(root: Root, feature: AiFeatureSpec, version: str | None) -> str:
    """Where the cells and thresholds of a version's reference lie (``LATEST``: which is live)."""
    return root.lake.path(feature.name, REFERENCE, version, "json")


def version_of(root: Root, feature: AiFeatureSpec, moment: Moment) -> str:
    """The version that was live when the moment's window ended; ``MissingEvidence`` for none."""
    try:
        live = live_in(root, feature.name, moment)
    except RegistryUnavailable as error:
        raise MissingEvidence(f"nothing says which version answers: {error}") from error
    if live is None:
        raise MissingEvidence(f"{feature.name}: {NOTHING_LIVE}; launch one")
    return live.version
