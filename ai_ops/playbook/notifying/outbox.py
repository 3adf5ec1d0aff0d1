"""Which messages go out at a moment: each thing once, no storm, and again where it failed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from ai_ops.ai_features.notifications import Notifications
from ai_ops.playbook.notifying.channels import Channel
from ai_ops.playbook.notifying.tellings import Telling
from ai_ops.playbook.notifying.told import Told

HOUR: Final = timedelta(hours=1)

Reached = Callable[[Telling], Sequence[Channel]]
"""The channels over which a telling reaches its people."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is told at once, and over which channels each of it still has to go.

    A ``digest`` is the one of the day, which holds what was not urgent.
    """

    title: str
    parts: Mapping[Channel, tuple[Telling, ...]]
    digest: bool = False


def outbox(
    feature: str,
    tellings: Iterable[Telling],
    told: Told,
    reached: Reached,
    now: datetime,
    rule: Notifications,
) -> tuple[Message, ...]:
    """The messages that are due, what is critical first.

    What is about one incident is one message. When more are due than the hour has room for, the
    last one holds all the rest; what finds no room waits for the next hour.
    """
    room = rule.per_hour - told.sent_since(now - HOUR)
    if room <= 0:
        return ()
    waiting = [
        (telling, channels)
        for telling in tellings
        if (channels := still_to_reach(telling, told, reached(telling)))
        and any(not told.waits(one.name, now) for one in channels)
    ]
    urgent = [one for one in waiting if one[0].urgent]
    due = _is_digested(told, now, rule)
    quiet = [one for one in waiting if not one[0].urgent and (due or told.of(one[0].key))]
    groups = _by_matter(urgent)
    if quiet:
        groups.append(quiet)
    if len(groups) > room:
        groups = [*groups[: room - 1], [one for group in groups[room - 1 :] for one in group]]
    return tuple(_message(feature, group, digest=_holds(group, quiet)) for group in groups)


def still_to_reach(
    telling: Telling, told: Told, channels: Sequence[Channel]
) -> tuple[Channel, ...]:
    """The channels over which a telling is still to go.

    Once it went out, a channel that is named later is not told of what is old: only those that
    failed are tried again, and all when none of these is named any more and nobody knows.
    """
    tried = told.of(telling.key)
    if telling.follows and not told.knows(telling.about):
        return ()
    failed = tuple(one for one in channels if one.name in tried and not tried[one.name].delivered)
    if failed or any(attempt.delivered for attempt in tried.values()):
        return failed
    return tuple(channels)


def _is_digested(told: Told, now: datetime, rule: Notifications) -> bool:
    """Whether the day's digest is due."""
    hour = now.replace(hour=rule.digest_hour, minute=0, second=0, microsecond=0)
    due = hour if hour <= now else hour - timedelta(days=1)
    return told.digested_at is None or told.digested_at < due


_Waiting = tuple[Telling, tuple[Channel, ...]]


def _by_matter(waiting: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Those about one thing together; first what is critical, then what is older."""
    by_about = sorted(waiting, key=lambda one: one[0].about)
    groups = [list(group) for _, group in groupby(by_about, key=lambda one: one[0].about)]

    def place(group: list[_Waiting]) -> tuple[bool, datetime]:
        critical = any(telling.critical for telling, _ in group)
        return not critical, min(telling.since for telling, _ in group)

    return sorted(groups, key=place)


def _holds(group: Sequence[_Waiting], quiet: Sequence[_Waiting]) -> bool:
    return any(one in group for one in quiet)


def _message(feature: str, group: Sequence[_Waiting], *, digest: bool) -> Message:
    parts: dict[Channel, list[Telling]] = {}
    for telling, channels in group:
        for channel in channels:
            parts.setdefault(channel, []).append(telling)
    abouts = list(dict.fromkeys(telling.about for telling, _ in group))
    what = abouts[0] if len(abouts) == 1 else f"{len(abouts)} matters"
    critical = ", critical" if any(telling.critical for telling, _ in group) else ""
    title = f"[ai-ops] {feature}: {what}{critical}"
    return Message(title, {channel: tuple(own) for channel, own in parts.items()}, digest)
