"""No storm, nothing twice, nothing lost: shown on random days of news and of broken channels."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features.notifications import Notifications
from ai_ops.playbook.notifying.channels import Channel
from ai_ops.playbook.notifying.outbox import outbox
from ai_ops.playbook.notifying.tellings import Telling
from ai_ops.playbook.notifying.told import Attempt, Broken, Told, fold_told
from ai_ops.storage.ledger import Event

START = datetime(2021, 3, 4, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHANNELS = (Channel("one", "json://one"), Channel("two", "json://two"))

news = st.lists(
    st.tuples(
        st.integers(0, 600),  # minutes after the start
        st.sampled_from(["a", "b", "c", "d", "e", "f"]),
        st.booleans(),
    ),
    max_size=40,
)
outages = st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 600), st.integers(1, 120)))


class World:
    """A ledger's notifications, and channels that are down at times."""

    def __init__(self, found: list[tuple[int, str, bool]], down: list[tuple[int, int, int]]):
        self.tellings = [
            Telling(
                about, f"{number}", "drift_monitoring", ("a@b.c",), "", START + at * MINUTE, urgent
            )
            for number, (at, about, urgent) in enumerate(found)
        ]
        self.down = [
            (CHANNELS[which].name, START + at * MINUTE, START + (at + lasts) * MINUTE)
            for which, at, lasts in down
        ]
        self.events: list[Event] = []
        self.arrived: list[tuple[datetime, str, frozenset[tuple[str, str]]]] = []
        self.tried: list[datetime] = []

    def is_down(self, channel: str, now: datetime) -> bool:
        return any(name == channel and a <= now < b for name, a, b in self.down)

    def tick(self, now: datetime, rule: Notifications) -> None:
        due = [one for one in self.tellings if one.since <= now]
        told = fold_told(self.events)
        for message in outbox("f", due, told, lambda _: CHANNELS, now, rule):
            block = len(self.tried) + 1
            self.tried.append(now)
            for channel, tellings in message.parts.items():
                arrives = not self.is_down(channel.name, now)
                if arrives and not told.waits(channel.name, now):
                    keys = frozenset(one.key for one in tellings)
                    self.arrived.append((now, channel.name, keys))
                for one in tellings:
                    said = {
                        "about": one.about,
                        "what": one.what,
                        "channel": channel.name,
                        "delivered": arrives and not told.waits(channel.name, now),
                        "digest": message.digest,
                        "tried": not told.waits(channel.name, now),
                    }
                    event = Event(block, 0, "notification", "f", now, said, now, None)
                    self.events.append(event)


@settings(max_examples=40, deadline=None)
@given(news, outages, st.integers(1, 4), st.integers(0, 23))
def test_everything_is_told_once_over_each_channel_and_never_in_a_storm(
    found: list[tuple[int, str, bool]], down: list[tuple[int, int, int]], room: int, hour: int
) -> None:
    world = World(found, down)
    rule = Notifications(per_hour=room, digest_hour=hour)
    now = START
    while now < START + 3 * DAY:
        world.tick(now, rule)
        now += 10 * MINUTE if now < START + 16 * HOUR else HOUR
    for channel in CHANNELS:
        own = [key for _, name, keys in world.arrived if name == channel.name for key in keys]
        assert sorted(own) == sorted(one.key for one in world.tellings), "each once, none is lost"
        moments = [at for at, name, _ in world.arrived if name == channel.name]
        for at in moments:
            assert sum(at <= one < at + HOUR for one in moments) <= room


@given(st.integers(1, 60))
def test_a_channel_that_fails_is_tried_again_ever_later_and_within_the_hour(times: int) -> None:
    waits = [Broken(number, START).again_at - START for number in range(1, times + 1)]
    assert waits == sorted(waits)
    assert waits[0] == MINUTE
    assert max(waits) <= HOUR


def test_a_channel_that_is_named_later_is_not_told_of_what_is_old() -> None:
    one = Telling("a", "opened", "drift_monitoring", ("a@b.c",), "", START)
    told = Told({one.key: {"one": Attempt(True, "", START)}})
    rule = Notifications()
    assert outbox("f", [one], told, lambda _: CHANNELS, START, rule) == ()
    gone = Told({one.key: {"old": Attempt(False, "", START)}})
    [message] = outbox("f", [one], gone, lambda _: CHANNELS, START, rule)
    assert set(message.parts) == set(CHANNELS), "nobody knows: it is told over what there is"
