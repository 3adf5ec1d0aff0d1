"""Whatever is lost is named exactly, as long as anything tells of it; a whole log never is."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.names import segment_name
from ai_ops.client.records import (
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    PredictionRecord,
    Record,
    SealRecord,
)
from ai_ops.prediction_logging.between_parts import Seen
from ai_ops.prediction_logging.completeness import Completeness, judge_completeness
from ai_ops.prediction_logging.incarnation import Incarnation, Owner
from ai_ops.prediction_logging.reconciling import Course
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.unanswered import Actions
from ai_ops_tests.prediction_logging.authors import Author
from ai_ops_tests.prediction_logging.logging_world import DAY, NOON, moment

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("predict"), st.integers(1, 4)),
        st.tuples(st.just("fail"), st.integers(1, 3)),
        st.tuples(st.just("beat"), st.just(0)),
        st.tuples(st.just("roll"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    min_size=1,
    max_size=25,
)
WHOLE = STEPS.map(lambda steps: [step for step in steps if step[0] != "fail"])


def written(steps: Sequence[tuple[str, int]], closed: bool = True, pid: int = 7) -> Author:
    author = Author(pid=pid)
    for name, count in steps:
        getattr(author, name)(*([count] if count else []))
    if closed:
        author.close()
    return author


@dataclass
class Left:
    """What is left of an author's parts: those lines of them that were not lost."""

    author: Author
    parts: dict[int, list[bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, author: Author) -> "Left":
        return cls(author, {n: list(lines) for n, lines in enumerate(author.parts, start=1)})

    def numbers(self) -> set[int]:
        """The sequence numbers of the predictions that are left."""
        return {one.seq for one in self.records() if isinstance(one, PredictionRecord)}

    def records(self) -> Iterator[Record]:
        """The lines that can be read."""
        for line in chain.from_iterable(self.parts.values()):
            with suppress(DamagedLine):
                yield read_line(line)

    def told(self) -> int:
        """The highest sequence number that anything tells of that is left."""
        highest = 0
        for record in self.records():
            match record:
                case PredictionRecord(seq=number):
                    highest = max(highest, number)
                case (
                    OpenRecord(last=number)
                    | HeartbeatRecord(last=number)
                    | CloseRecord(last=number)
                    | SealRecord(last=number)
                ):
                    highest = max(highest, number)
        return highest

    def known(self, owner: Owner = "gone") -> Incarnation:
        """What can be known of it."""
        indexes = []
        for number, lines in sorted(self.parts.items()):
            stem = segment_name(self.author.name, number).removesuffix(".jsonl")
            index = SegmentIndex.of(self.author.writer, stem)
            index.grow(lines)
            indexes.append(index)
        course = Course(self.author.writer, self.author.name, tuple(indexes), owner=owner)
        found = course.on(moment(), {})
        assert found is not None
        return found


def named(known: Incarnation) -> list[int]:
    return [n for gone in known.missing for n in range(gone.first, gone.last + 1)]


def judged(*known: Incarnation) -> str:
    """The verdict when nothing but the log itself bears witness."""
    records = sum(one.n for one in known)
    actions = Actions(n=max(1, records), without_prediction=0)
    day = Completeness(
        feature="tiny",
        day=DAY,
        records=records,
        torn=0,
        quarantined=0,
        duplicates=0,
        incarnations=known,
        user_actions=actions,
        predictions_without_action=0,
    )
    return judge_completeness(day, 0.0, moment().window).status


@settings(deadline=None, max_examples=200)
@given(steps=STEPS, closed=st.booleans(), data=st.data())
@pytest.mark.requirement("PL-03")
def test_the_numbers_that_are_named_are_those_that_were_lost(
    steps: list[tuple[str, int]], closed: bool, data: st.DataObject
) -> None:
    left = Left.of(written(steps, closed))
    lost_parts = data.draw(st.sets(st.sampled_from(sorted(left.parts))))
    for number in lost_parts:
        del left.parts[number]
    for lines in left.parts.values():
        gone = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=len(lines) - 1))
        spoilt = data.draw(st.sets(st.integers(0, len(lines) - 1)))
        lines[:] = [
            line[:-4] + b'?"}\n' if place in spoilt else line
            for place, line in enumerate(lines)
            if place not in gone
        ]
    if not any(left.records()):
        return
    known = left.known()
    numbers = named(known)
    assert len(numbers) == len(set(numbers)), "a number is named twice"
    assert set(numbers) == set(range(1, left.told() + 1)) - left.numbers()


@settings(deadline=None, max_examples=200)
@given(steps=STEPS, data=st.data())
@pytest.mark.requirement("PL-03")
def test_no_pass_when_an_acknowledged_prediction_is_gone_and_anything_tells_of_it(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    left = Left.of(written([*steps, ("predict", 1)]))
    whole = left.numbers()
    number = data.draw(st.sampled_from(sorted(left.parts)))
    if data.draw(st.booleans()) and len(left.parts) > 1:
        del left.parts[number]
    else:
        lines = left.parts[number]
        begin = data.draw(st.integers(1, len(lines) - 1))  # the first line stays
        del lines[begin : data.draw(st.integers(begin + 1, len(lines)))]
    if left.numbers() != whole:
        known = left.known()
        # Of a piece that was cut off at the very end nothing tells, but that it did not end.
        assert judged(known) == "fail" or known.ended == "crashed"


@settings(deadline=None, max_examples=100)
@given(writers=st.lists(WHOLE, min_size=1, max_size=3))
@pytest.mark.requirement("PL-03")
def test_a_whole_log_is_never_accused(writers: list[list[tuple[str, int]]]) -> None:
    known = [Left.of(written(steps, pid=n)).known() for n, steps in enumerate(writers)]
    assert [(one.missing, one.ended, one.repeated) for one in known] == [((), "closed", 0)] * len(
        known
    )
    assert judged(*known) == "pass"
    living = [Left.of(written(steps, closed=False)).known("holds") for steps in writers]
    assert judged(*living) == "pass"


@settings(deadline=None, max_examples=100)
@given(steps=STEPS)
def test_what_could_not_be_written_is_told_apart_from_what_was_lost(
    steps: list[tuple[str, int]],
) -> None:
    author = written(steps)
    known = Left.of(author).known()
    assert known.change is not None
    assert (known.change.failures, known.change.lost) == (author.failures, 0)
    assert known.missing_numbers == author.failures
    assert (judged(known) == "fail") == (author.failures > 0)


def test_a_loss_at_midnight_is_named_on_both_days() -> None:
    author = Author()
    author.predict(3)
    author.roll()
    author.time += timedelta(hours=11, minutes=59)
    author.predict(2)
    author.seal()
    author.time += timedelta(minutes=2)
    author.open()
    author.predict(1)
    author.close()
    left = Left.of(author)
    del left.parts[2]
    index = [SegmentIndex.of("web", segment_name(author.name, n)[:-6]) for n in left.parts]
    for one, lines in zip(index, left.parts.values(), strict=True):
        one.grow(lines)
    course = Course("web", author.name, tuple(index))
    for day in (DAY, "2021-03-05"):
        known = course.on(moment(day), {})
        assert known is not None
        assert [(gone.first, gone.last) for gone in known.missing] == [(4, 5)]
        assert (known.missing[0].first_part, known.missing[0].last_part) == (2, 2)


def test_nothing_is_known_before_it_was() -> None:
    author = Author()
    author.predict(3)
    author.roll()
    author.predict(2)
    author.live(3600)
    author.roll()
    author.close()
    left = Left.of(author)
    del left.parts[2]
    index = [SegmentIndex.of("web", segment_name(author.name, n)[:-6]) for n in left.parts]
    for one, lines in zip(index, left.parts.values(), strict=True):
        one.grow(lines)
    course = Course("web", author.name, tuple(index))
    later, earlier = moment(), moment(as_of=author.time - timedelta(minutes=30))
    assert [gone.size for gone in course.on(later, {}).missing] == [2]  # type: ignore[union-attr]
    assert course.on(earlier, {}).missing == ()  # type: ignore[union-attr]


def course_of(author: Author, *numbers: int, seen: Seen | None = None) -> Course:
    """The course of those parts of an author that are here."""
    left = Left.of(author)
    indexes = []
    for number in numbers:
        index = SegmentIndex.of(author.writer, segment_name(author.name, number)[:-6])
        index.grow(left.parts[number])
        indexes.append(index)
    return Course(author.writer, author.name, tuple(indexes), seen=seen)


@pytest.mark.requirement("PL-03")
def test_a_lost_tail_is_named_exactly_when_its_machine_saw_it() -> None:
    author = Author()
    author.predict(3)
    author.roll()
    author.predict(4)
    author.live(60)
    at = author.time
    seen = Seen(part=2, last=7, at=at, by="machine m", looked=at + timedelta(seconds=5))
    known = course_of(author, 1, seen=seen).on(moment(), {})
    assert known is not None
    [tail] = known.missing
    assert (tail.first, tail.last, tail.first_part, tail.last_part) == (4, 7, 2, 2)
    assert tail.told_by == "machine m"
    assert judged(known) == "fail"


def test_what_still_lies_on_its_machine_is_late_only_once_its_day_is_over() -> None:
    author = Author()
    author.predict(3)
    author.roll()
    author.predict(4)
    author.live(60)
    looked = author.time + timedelta(seconds=5)
    seen = Seen(part=2, last=7, at=author.time, by="machine m", looked=looked, pending=True)
    course = course_of(author, 1, seen=seen)
    now = course.on(moment(as_of=looked + timedelta(seconds=5)), {})
    assert now is not None
    assert (now.missing, now.ended, now.last_alive) == ((), "open", looked)
    [late] = course.on(moment(), {}).missing  # type: ignore[union-attr]
    assert late.told_by == "machine m, where it still lies"


def test_a_process_that_hangs_on_another_machine_is_not_kept_alive_by_being_looked_at() -> None:
    author = Author()
    author.roll()
    author.live(60)
    looked = author.time + timedelta(seconds=31)
    seen = Seen(part=2, last=0, at=author.time, by="machine m", looked=looked, pending=True)
    now = course_of(author, 1, seen=seen).on(moment(as_of=looked), {})
    assert now is not None and now.last_alive == author.time


def test_an_incarnation_of_which_nothing_is_here_is_known_from_its_machine() -> None:
    author = Author()
    author.predict(4)
    author.live(60)
    at = author.time
    pending, lost = (
        Seen(part=1, last=4, at=at, by="machine m", looked=at, pending=still)
        for still in (True, False)
    )
    now = Course("web", author.name, (), seen=pending).on(moment(as_of=at), {})
    assert now is not None
    assert (now.missing, now.alive, now.ended) == ((), ((NOON, at),), "open")
    for seen, words in ((pending, "machine m, where it still lies"), (lost, "machine m")):
        known = Course("web", author.name, (), seen=seen).on(moment(), {})
        assert known is not None
        [gone] = known.missing
        assert (gone.first, gone.last, gone.last_part, gone.told_by) == (1, 4, 1, words)
    assert Course("web", author.name, (), seen=lost).on(moment("2021-03-05"), {}) is None
