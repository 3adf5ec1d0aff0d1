"""Tell people what is due: each message is sent, and what became of it is in the ledger."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.playbook.notifying.channels import Channel, Channels, channels_of
from ai_ops.playbook.notifying.other_tellings import waiver_tellings
from ai_ops.playbook.notifying.outbox import Message, Reached, outbox
from ai_ops.playbook.notifying.sending import Delivery, body_of, send
from ai_ops.playbook.notifying.tellings import Telling, incident_tellings
from ai_ops.playbook.notifying.told import Told, told_of
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import FAILED, sign
from ai_ops.storage.standing import standing_of

SIGN: Final = "notification_channel"
"""The source of machinery that a delivery, or its failure, is a sign of."""


def notify(
    root: Root, feature: AiFeatureSpec, as_of: datetime, further: Iterable[Telling] = ()
) -> list[Event]:
    """Send what is due at a moment, what is known from elsewhere (``further``) with it, and record
    it; returns what was recorded.

    Nothing is sent from a replay. A process that dies between sending and recording sends again:
    twice told is better than never.
    """
    if root.clock.mode == "replay":
        return []
    channels = channels_of(root.environment)
    if not channels.every:
        return []
    told = told_of(root.ledger, feature.name)
    standing = standing_of(root.ledger, feature.name)
    tellings = (
        *incident_tellings(feature, standing, as_of),
        *waiver_tellings(feature, standing, as_of),
        *further,
    )
    reached = reach(feature, channels)
    due = outbox(feature.name, tellings, told, reached, as_of, feature.notifications)
    down: dict[str, str] = {}
    return [event for message in due for event in _sent(root, feature, message, told, down, as_of)]


def notify_test(root: Root, feature: AiFeatureSpec, as_of: datetime) -> list[Event]:
    """Send a trial message over every channel, and record whether it was taken."""
    owners = {feature.owner_of(domain).accountable: domain for domain in OWNED_DOMAINS}
    words = f"This is a trial: alerts of {feature.name} ({feature.title}) arrive here."
    domain = next(iter(owners.values()))
    trial = Telling("trial", f"{as_of:%Y-%m-%d %H:%M}", domain, tuple(owners), words, as_of)
    parts = dict.fromkeys(channels_of(root.environment).every, (trial,))
    message = Message(f"[ai-ops] {feature.name}: a trial", parts)
    return _sent(root, feature, message, Told(), {}, as_of) if parts else []


def reach(feature: AiFeatureSpec, channels: Channels) -> Reached:
    """Over which channels a telling goes: those of its domain, and of every domain that one of its
    people is accountable for."""

    def reached(telling: Telling) -> tuple[Channel, ...]:
        own = [one for one in OWNED_DOMAINS if feature.owner_of(one).accountable in telling.to]
        found = [one for domain in (telling.domain, *own) for one in channels.of(domain)]
        # Two domains may share a channel under two names.
        return tuple({one.url: one for one in reversed(found)}.values())[::-1]

    return reached


def _sent(
    root: Root,
    feature: AiFeatureSpec,
    message: Message,
    told: Told,
    down: dict[str, str],
    as_of: datetime,
) -> list[Event]:
    """Send one message; ``down`` collects the channels that failed, which are left alone then."""
    recorded: list[NewEvent] = []
    for channel, tellings in message.parts.items():
        reason = down.get(channel.name)
        waits = reason is not None or told.waits(channel.name, as_of)
        if waits:
            delivery = Delivery(False, f"not tried: {reason or 'the channel failed before'}")
        else:
            people = tuple(dict.fromkeys(one for telling in tellings for one in telling.to))
            delivery = send(channel, message.title, body_of(tellings), people)
            if not delivery.delivered:
                down[channel.name] = delivery.reason
            mark = SIGN if delivery.delivered else FAILED + SIGN
            sign(root, feature.name, mark, f"{channel.name}: {delivery.reason}")
        recorded += [
            _event(feature, message, channel, one, delivery, as_of, tried=not waits)
            for one in tellings
        ]
    block = root.ledger.append(recorded, clock=root.clock)
    return [
        Event(block.seq, idx, one.kind, one.feature, as_of, one.payload, block.recorded_at, None)
        for idx, one in enumerate(recorded)
    ]


def _event(
    feature: AiFeatureSpec,
    message: Message,
    channel: Channel,
    telling: Telling,
    delivery: Delivery,
    as_of: datetime,
    *,
    tried: bool,
) -> NewEvent:
    said = {
        "about": telling.about,
        "what": telling.what,
        "to": list(telling.to),
        "channel": channel.name,
        "delivered": delivery.delivered,
        "reason": delivery.reason,
    }
    marks = {"digest": True} if message.digest else {}
    if not tried:
        marks["tried"] = False
    return NewEvent("notification", feature.name, said | marks, as_of)
