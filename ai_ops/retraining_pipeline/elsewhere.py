"""What forbids to move a version that somebody else trains and serves: there is none of ours."""

from ai_ops.ai_features import AiFeatureSpec


def of_others(feature: AiFeatureSpec) -> tuple[str, ...]:
    """Why no version of a feature can be launched, promoted or rolled back; empty where it can."""
    if feature.trained_here:
        return ()
    start = feature.monitoring.start
    return (
        f"somebody else trains and serves the model (served_by: {feature.served_by}), so no "
        f"version is launched, promoted or rolled back here; it is monitored from "
        f"monitoring.start ({start}) on: judge the days since with ai-ops backfill {feature.name} "
        f"--from {start} --to DAY",
    )
