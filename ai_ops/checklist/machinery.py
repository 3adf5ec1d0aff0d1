"""Whether the machinery of a feature is at work: the judgement of its signs of life.

Dagster says nothing when a sensor fails, a schedule is stopped or its daemon is gone, and then
nothing is judged any more: what was green stays green. Here silence has a limit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.machinery_sources import EVERY, PATIENCE, Source, sources_of
from ai_ops.storage.ledger_tail import tail_of
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import (
    AWAKE,
    FAILED,
    KNOWN,
    STOPPED,
    LastSign,
    newest_sign,
    signs_of,
)
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops.vocabulary.verdicts import RecordedVerdict

State = Literal["alive", "dead", "never", "exempt"]

SKEW: Final = timedelta(minutes=2)
"""By so much the clocks of two machines may differ."""

HOLDS: Final = timedelta(minutes=3)
"""A sensor or schedule that is stopped is seen to be so every half minute."""

WAKING: Final = timedelta(minutes=3)
"""How long after a silence of the whole machinery its parts may take to come back."""

CLOCK: Final = "wall_clock"
CHANNEL: Final = "notification_channel"
LEDGER: Final = "ledger"
BOOKS: Final = (LEDGER, CLOCK)
"""What is known of them whether or not any process was seen."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A source of the machinery: when it was last at work, what it may take, how it stands.

    ``never`` is one that gave no sign yet and is awaited; ``exempt`` is a replay. ``items`` are
    those that are blind without it.
    """

    source: str
    last_at: datetime | None
    limit_seconds: float
    state: State
    words: str
    items: tuple[str, ...] = ()


def machinery_of(
    root: Root, feature: AiFeatureSpec, as_of: datetime, *, patience: timedelta = PATIENCE
) -> tuple[Sign, ...]:
    """How each source of the feature's machinery stood at a moment.

    ``patience`` is how long what ticks every few seconds may be silent.
    """
    if exempt := _exempt(root, feature, as_of):
        return (Sign("machinery", None, 0.0, "exempt", exempt),)
    signs = signs_of(root.ledger, feature.name, as_of)
    sources = sources_of(feature, patience)
    checks = [source.check for source in sources if source.check]
    verdicts = root.ledger.verdicts(feature.name, as_of=as_of, items=checks)
    told = judge_machinery(feature, sources, signs, verdicts, as_of)
    return (*told, *_channel(signs), *_books(root, feature))


def seen_before(signs: Collection[Sign]) -> bool:
    """Whether any process of the machinery ever gave a sign."""
    return any(":" in one.source and one.last_at is not None for one in signs)


def state_of(signs: Collection[Sign]) -> State:
    """How the machinery stands as a whole: ``never`` where no process was ever seen."""
    states = {one.state for one in signs}
    if states == {"exempt"}:
        return "exempt"
    if seen_before(signs):
        return "dead" if "dead" in states else "alive"
    return "dead" if any(one.state == "dead" for one in signs if one.source in BOOKS) else "never"


def judge_machinery(
    feature: AiFeatureSpec,
    sources: Sequence[Source],
    signs: Mapping[str, LastSign],
    verdicts: Sequence[RecordedVerdict],
    as_of: datetime,
) -> tuple[Sign, ...]:
    """Each source by its last sign: dead when that is older than its limit, when it was seen to
    be stopped or failed since, or when it never came since any other source was seen."""
    began = min((one.first_at for one in signs.values()), default=None)
    return tuple(
        _judged(feature, source, _last(source, signs, verdicts), signs, began, as_of)
        for source in sources
    )


def _judged(
    feature: AiFeatureSpec,
    source: Source,
    last: datetime | None,
    signs: Mapping[str, LastSign],
    began: datetime | None,
    as_of: datetime,
) -> Sign:
    mend = source.mend.format(feature=feature.name)
    known = signs.get(KNOWN + source.name)
    since = last or (known.first_at if known else began)
    silent = as_of - since if since else None
    if words := _not_at_work(source, last, signs, as_of):
        state: State = "dead"
    elif silent is not None and silent > source.limit:
        state, words = "dead", _silence(source, last, silent)
        if came_back := _came_back(source, signs, as_of):
            state, words = "never", f"{words}; {came_back}"
    elif last is None:
        state, words = "never", _awaited(source, since)
    else:
        state, words = "alive", f"last sign {last:%Y-%m-%d %H:%M:%S}"
    if state == "dead" or since is None:
        words = f"{words}; {mend}"
    return Sign(source.name, last, source.limit.total_seconds(), state, words, source.items)


def _last(
    source: Source, signs: Mapping[str, LastSign], verdicts: Sequence[RecordedVerdict]
) -> datetime | None:
    """When a process gave its last sign, or the last day ended on which something arrived."""
    if source.check is None:
        return signs[source.name].at if source.name in signs else None
    arrived = [
        one.window.end
        for one in verdicts
        if one.item == source.check and one.verdict.status != "no_evidence"
    ]
    return max(arrived, default=None)


def _not_at_work(
    source: Source, last: datetime | None, signs: Mapping[str, LastSign], as_of: datetime
) -> str | None:
    """What was seen of a source since its last sign: that it is stopped, or that it failed."""
    marks = (STOPPED, FAILED, KNOWN)
    stopped, failed, known = (signs.get(mark + source.name) for mark in marks)
    since = max((at for at in (last, known.at if known else None) if at), default=None)
    if stopped and as_of - stopped.at <= HOLDS and not (since and since > stopped.at):
        return f"it is stopped in Dagster, seen at {stopped.at:%Y-%m-%d %H:%M:%S}{_since(last)}"
    if failed and not (last and last >= failed.at):
        return f"it failed at {failed.at:%Y-%m-%d %H:%M:%S} ({failed.words}){_since(last)}"
    return None


def _came_back(source: Source, signs: Mapping[str, LastSign], as_of: datetime) -> str | None:
    """That a process is awaited still: after a silence of all not every one is back at once, and
    what is judged then is judged by its evidence."""
    awake = signs.get(AWAKE)
    if source.check is not None or awake is None or as_of - awake.at > WAKING:
        return None
    return f"the machinery came back at {awake.at:%Y-%m-%d %H:%M:%S}, it is awaited"


def _silence(source: Source, last: datetime | None, silent: timedelta) -> str:
    told = _in_words(silent)
    limit = _in_words(source.limit)
    if last is None:
        return f"never gave a sign, {told} after it was to begin (limit {limit})"
    return f"no sign for {told}, since {last:%Y-%m-%d %H:%M:%S} (limit {limit})"


def _awaited(source: Source, since: datetime | None) -> str:
    due = f"; due by {since + source.limit:%Y-%m-%d %H:%M}" if since else ""
    return f"gave no sign yet{due}"


def _since(last: datetime | None) -> str:
    return f"; its last sign was {last:%Y-%m-%d %H:%M:%S}" if last else "; it never gave a sign"


def _in_words(span: timedelta) -> str:
    """A length of time, as a person says it.

    >>> [_in_words(timedelta(minutes=n)) for n in (0.5, 40, 200, 4000)]
    ['30 s', '40 min', '3.3 h', '2.8 d']
    """
    seconds = span.total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} d"


def _exempt(root: Root, feature: AiFeatureSpec, as_of: datetime) -> str | None:
    if root.clock.mode == "replay":
        return "a replay: whoever runs it sees that it goes on, and its clock is not the wall's"
    end = feature.monitoring.end
    if end is not None and as_of.date() > end:
        return f"{feature.name} is monitored until {end}"
    return None


def _channel(signs: Mapping[str, LastSign]) -> tuple[Sign, ...]:
    """The channel on which people are told, once it was used: dead while its last use failed."""
    last, failed = signs.get(CHANNEL), signs.get(FAILED + CHANNEL)
    if last is None and failed is None:
        return ()
    at = last.at if last else None
    if failed and (at is None or failed.at > at):
        words = f"nobody could be told at {failed.at:%Y-%m-%d %H:%M:%S} ({failed.words})"
        return (
            Sign(CHANNEL, at, 0.0, "dead", f"{words}; mend AI_OPS_NOTIFY", ("drift_reviewed",)),
        )
    return (Sign(CHANNEL, at, 0.0, "alive", f"last sign {at:%Y-%m-%d %H:%M:%S}"),)


def _books(root: Root, feature: AiFeatureSpec) -> tuple[Sign, Sign]:
    """The end of the ledger, and the clock on the wall: what was written later than now was
    written by another clock."""
    now, limit = root.clock.now(), SKEW.total_seconds()
    try:
        tail = tail_of(root.ledger)
    except LedgerBroken as broken:
        tail, words = None, f"the ledger is damaged: {broken}; see ai-ops ledger verify"
        book = Sign(LEDGER, None, 0.0, "dead", words, EVERY)
    else:
        book = Sign(LEDGER, None, 0.0, "never", "the ledger is empty", EVERY)
        if tail is not None:
            words = f"its last links hold; block {tail.seq} is of {tail.recorded_at:%Y-%m-%d %H:%M}"
            book = Sign(LEDGER, tail.recorded_at, 0.0, "alive", words, EVERY)
    moments = [newest_sign(root.ledger, feature.name), tail.recorded_at if tail else None]
    latest = max((one for one in moments if one), default=None)
    if latest is None or latest <= now + SKEW:
        words = f"nothing was written after {now:%Y-%m-%d %H:%M}"
        return book, Sign(CLOCK, latest, limit, "alive", words, EVERY)
    words = (
        f"the clock was moved: it says {now:%Y-%m-%d %H:%M:%S}, and {latest:%Y-%m-%d %H:%M:%S} was "
        "written already; set it right, then ai-ops watchdog --clock-mended"
    )
    return book, Sign(CLOCK, latest, limit, "dead", words, EVERY)
