"""The logging policy that a feature's YAML declares, as the client follows it."""

from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.policy import Policy
from ai_ops.vocabulary.words import RootMode

REPLAY_HEARTBEAT_SECONDS: Final = 4 * 3600.0
"""A replay's clock goes on in steps of hours, and stands still while no event happens."""


def policy_of(feature: AiFeatureSpec, clock: RootMode = "live") -> Policy:
    """The policy of a feature; a replay's writer gives its signs of life by the replay's hours."""
    declared = feature.logging
    return Policy(
        feature=feature.name,
        fields=dict(feature.privacy.fields),
        on_log_failure=declared.on_log_failure,
        sampling=declared.sampling,
        heartbeat_seconds=(
            REPLAY_HEARTBEAT_SECONDS if clock == "replay" else declared.heartbeat_seconds
        ),
        segment_seconds=declared.segment_seconds,
        segment_bytes=int(declared.segment_megabytes * 1024 * 1024),
        emergency_bytes=declared.emergency_kilobytes * 1024,
    )
