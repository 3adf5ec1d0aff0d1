"""What the YAML itself says about an item: who does it instead, or that nobody can."""

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.vocabulary.alerts import Alert
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.windows import Window


def trained_elsewhere(
    feature: AiFeatureSpec, what: str, window: Window, alerts: list[Alert] | None = None
) -> Verdict:
    """The waiver that the declaration itself is: ``what`` is done by whoever trains the model.

    What is seen of the model and stands open is theirs to answer, and is named.
    """
    owner = feature.owner_of("retraining_pipeline").accountable
    seen = alerts or []
    reason = (
        f"somebody else trains the model (served_by: {feature.served_by}): {what}; ask {owner}, "
        "who is accountable for it here"
    )
    if seen:
        oldest = min(alert.begin for alert in seen)
        items = ", ".join(sorted({alert.item for alert in seen}))
        reason += f", about {plural(len(seen), 'open alert')} ({items}) too, since {oldest}"
    found = [
        Finding(
            "operations",
            "waived",
            f"{alert.item} has failed since {alert.begin}: for whoever trains the model to answer",
            columns=alert.columns,
            window=window,
            begin=alert.raised_at,
        )
        for alert in seen
    ]
    observed = {"served_by": feature.served_by, "alerts_open": len(seen)}
    return Verdict("waived", reason, observed, findings=tuple(found))


def unwatched_model(feature: AiFeatureSpec, window: Window) -> Verdict | None:
    """The waiver of drift for a provider's model of which nobody declared what is normal; None
    for every other feature. With a `reference` its drift is judged here as any other's."""
    if feature.served_by != "provider_api" or feature.reference is not None:
        return None
    what = "its drift is the provider's to find; declare a `reference` to have it found here too"
    return trained_elsewhere(feature, what, window)


def never_labelled(window: Window) -> Verdict:
    """The lack that stays: nobody ever learns the correct answers."""
    reason = "nobody ever learns the correct answers (ground_truth.kind: none): accuracy is unknown"
    return Verdict.lacking(reason, "labels", window=window)
