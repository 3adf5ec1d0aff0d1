"""Whether people were told of what they are to answer, and whether what was sent arrived."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.notifying.channels import VARIABLE, Channels, channels_of, variable_of
from ai_ops.playbook.notifying.tellings import Telling, incident_tellings
from ai_ops.playbook.notifying.told import Told, told_of
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Verdict

ITEM: Final = "alerts_delivered"

GRACE: Final = timedelta(hours=2)
"""How long something may wait to be told: it may have found no room in the hour before."""

KNOWN_FOR: Final = timedelta(days=92)
"""For so long a message that arrived says that the next one will."""


def judge_alerts_delivered(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The people who answer the alerts were told of them: of every open incident and question
    somebody was, and no message failed on its way. Without a channel in AI_OPS_NOTIFY an alert
    reaches nobody who does not look; from a replay nothing is sent."""
    if root.clock.mode == "replay":
        return Verdict("waived", "this root is a replay: nothing is sent from it")
    told = told_of(root.ledger, feature.name, as_of)
    standing = standing_of(root.ledger, feature.name, as_of)
    tellings = [one for one in incident_tellings(feature, standing, as_of) if one.urgent]
    channels = channels_of(root.environment)
    if channels.every:
        told = told.over({one.name for one in channels.every})
    observed = {
        "to_tell": len(tellings),
        "told": sum(_is_told(one, told) for one in tellings),
        "failed": len(failing := [one for one in tellings if _failures(one, told)]),
        "messages": len(told.sent),
        "channels": len(channels.every),
    }
    untold = [one for one in tellings if not told.of(one.key)]
    lacking = [
        *_without_channel(untold, channels),
        *_late([one for one in untold if channels.of(one.domain)], as_of),
        *(Finding("operations", "no_evidence", one) for one in channels.problems),
    ]
    if failing or told.broken:
        found = _undelivered(failing, told)
        return Verdict.failing(
            f"{plural(len(found), 'notification')} did not arrive: {found[0].reason}",
            *found,
            *lacking,
            sample_size=len(told.attempts),
            observed=observed,
        )
    if not lacking and (unknown := _never_tried(feature, told, channels, as_of)):
        lacking = [Finding("operations", "no_evidence", unknown)]
    if lacking:
        rest = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        return Verdict.lacking(
            f"{lacking[0].reason}{rest}",
            "operations",
            *lacking,
            sample_size=len(told.attempts),
            observed=observed,
        )
    return Verdict.passing(
        f"{plural(len(told.sent), 'message')} arrived, and nothing else is to be told",
        sample_size=len(told.sent),
        observed=observed,
    )


def _never_tried(
    feature: AiFeatureSpec, told: Told, channels: Channels, as_of: datetime
) -> str | None:
    """Why it is not known that a message would arrive; None where one did lately."""
    last = max(told.sent, default=None)
    if last is not None and as_of - last <= KNOWN_FOR:
        return None
    words = f"nothing arrived since {last:%Y-%m-%d}" if last else "nobody was ever told anything"
    more = (
        f"try it: ai-ops notifications test {feature.name}"
        if channels.every
        else f"set {VARIABLE} to an apprise URL"
    )
    return f"{words}, so that an alert would arrive is not known; {more}"


def _is_told(one: Telling, told: Told) -> bool:
    return any(attempt.delivered for attempt in told.of(one.key).values())


def _failures(one: Telling, told: Told) -> list[str]:
    """What went wrong, by channel, and was not mended since."""
    return [
        f"{channel}: {attempt.reason}"
        for channel, attempt in told.of(one.key).items()
        if not attempt.delivered
    ]


def _undelivered(failing: Sequence[Telling], told: Told) -> list[Finding]:
    found = [
        Finding(
            "operations",
            "fail",
            f"{one.about} ({one.what}) reached "
            f"{'not all' if _is_told(one, told) else 'nobody'}: {'; '.join(_failures(one, told))}",
            begin=one.since,
        )
        for one in failing
    ]
    return found or [
        Finding("operations", "fail", f"{name} failed {broken.times} times", begin=broken.at)
        for name, broken in told.broken.items()
    ]


def _without_channel(untold: Sequence[Telling], channels: Channels) -> list[Finding]:
    missing: dict[str, list[str]] = {}
    for one in untold:
        if not channels.of(one.domain):
            missing.setdefault(variable_of(one.domain), []).append(one.about)
    return [
        Finding(
            "operations",
            "no_evidence",
            f"nobody was told of {', '.join(dict.fromkeys(abouts))}: there is no channel; set "
            f"{VARIABLE} or {variable} to an apprise URL",
        )
        for variable, abouts in missing.items()
    ]


def _late(untold: Sequence[Telling], as_of: datetime) -> list[Finding]:
    return [
        Finding(
            "operations",
            "no_evidence",
            f"nobody was told of {one.about} ({one.what}) since {one.since:%Y-%m-%d %H:%M}: look "
            "whether the sensor of notifications ticks",
            begin=one.since,
        )
        for one in untold
        if as_of - one.since > GRACE
    ]
