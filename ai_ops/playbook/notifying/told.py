"""What people were told already, and what could not be delivered: a fold over the ledger."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from ai_ops.storage.ledger import Event, Ledger
from ai_ops.vocabulary.words import EventKind

KINDS: Final[tuple[EventKind, ...]] = ("notification",)

Key = tuple[str, str]
"""What was told: about what, and what of it."""

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last attempt to tell something over one channel."""

    delivered: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Broken:
    """A channel whose last attempts failed: how many, and when the last was."""

    times: int
    at: datetime

    @property
    def again_at(self) -> datetime:
        """When it is tried again: each time after twice as long.

        >>> from datetime import UTC
        >>> f"{Broken(4, datetime(2021, 3, 4, tzinfo=UTC)).again_at:%H:%M}"
        '00:08'
        """
        wait: timedelta = FIRST_WAIT * 2 ** min(self.times - 1, 10)
        return self.at + min(wait, LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger says of notifications; ``sent`` are the moments of those that arrived."""

    attempts: Mapping[Key, Mapping[str, Attempt]] = field(default_factory=dict)
    broken: Mapping[str, Broken] = field(default_factory=dict)
    sent: tuple[datetime, ...] = ()
    digested_at: datetime | None = None

    def of(self, key: Key) -> Mapping[str, Attempt]:
        """The last attempt to tell this over each channel, by the channel's name."""
        return self.attempts.get(key, {})

    def knows(self, about: str) -> bool:
        """Whether anything about this arrived."""
        return any(
            one.delivered
            for key, attempts in self.attempts.items()
            if key[0] == about
            for one in attempts.values()
        )

    def sent_since(self, moment: datetime) -> int:
        """How many messages arrived after a moment."""
        return sum(at > moment for at in self.sent)

    def over(self, channels: Collection[str]) -> "Told":
        """The same without the failures of channels that are named no more: nobody mends those."""
        kept = {
            key: {name: one for name, one in attempts.items() if one.delivered or name in channels}
            for key, attempts in self.attempts.items()
        }
        broken = {name: one for name, one in self.broken.items() if name in channels}
        return replace(self, attempts=kept, broken=broken)

    def waits(self, channel: str, now: datetime) -> bool:
        """Whether a channel failed and is not tried again yet."""
        broken = self.broken.get(channel)
        return broken is not None and now < broken.again_at


def told_of(ledger: Ledger, feature: str, as_of: datetime | None = None) -> Told:
    """What people were told of a feature by a moment."""
    return fold_told(ledger.events(feature, kinds=KINDS, as_of=as_of))


def fold_told(events: Iterable[Event]) -> Told:
    """What the notifications of one feature add up to, in the order of the ledger.

    >>> fold_told([]).sent
    ()
    """
    attempts: dict[Key, dict[str, Attempt]] = {}
    broken: dict[str, Broken] = {}
    sent: dict[int, datetime] = {}
    digested_at, failed = None, set[tuple[int, str]]()
    for event in events:
        said, at = event.payload, event.as_of
        channel, delivered = str(said["channel"]), said["delivered"] is True
        attempt = Attempt(delivered, str(said.get("reason", "")), at)
        attempts.setdefault((str(said["about"]), str(said["what"])), {})[channel] = attempt
        # What one message tells stands in one block: it arrives, or fails, once.
        if delivered:
            sent[event.block_seq] = at
            broken.pop(channel, None)
            digested_at = at if said.get("digest") else digested_at
        elif said.get("tried", True) and (event.block_seq, channel) not in failed:
            failed.add((event.block_seq, channel))
            before = broken.get(channel)
            broken[channel] = Broken(before.times + 1 if before else 1, at)
    return Told(attempts, broken, tuple(sent.values()), digested_at)
