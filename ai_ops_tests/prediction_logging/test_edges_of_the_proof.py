"""Where the proof of the log is easily wrong: at midnight, in its words, beside odd witnesses."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.logged import Logging, Writer
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
)
from ai_ops.prediction_logging.incarnation import End, Incarnation
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.roster import Roster, judge_writers
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.prediction_logging.writer_checks import (
    judge_witness_agrees,
    judge_writers_present,
)
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.prediction_logging.authors import Author, Held
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment

WINDOW = moment().window
NIGHTLY = Roster((Writer(name="night", always=False),), 10)


def declared(**logging: Any) -> AiFeatureSpec:
    told = {
        "writers": [{"name": "web"}],
        "witness": {"table": "sources/tiny/served/*.csv"},
        **logging,
    }
    return FEATURE.model_copy(update={"logging": Logging.model_validate(told)})


TINY = declared()


class Edge(World):
    """A log that was written by hand, its users' actions and its witness."""

    def author(self, at: datetime = NOON, **known: Any) -> Author:
        return Author(time=at, policy=policy_of(TINY).digest, **known)

    def lay(self, *authors: Author) -> list[Path]:
        self.act([id for author in authors for id in author.ids], [NOON] * _count(authors))
        return [file for author in authors for file in author.lay(self.root.segments)]

    def serve(self, *rows: str, columns: str = "time,served") -> None:
        file = self.root.folder / "sources" / "tiny" / "served" / "lb.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([columns, *rows]))

    def compute(self, feature: AiFeatureSpec = TINY) -> None:
        for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
            compute(self.root, feature, [moment()])

    def witness(self) -> Verdict:
        self.compute()
        return judge_witness_agrees(self.root, TINY, moment())


@pytest.fixture
def world(tmp_path: Path) -> Edge:
    return Edge(tmp_path / "root")


def _count(authors: Sequence[Author]) -> int:
    return sum(len(author.ids) for author in authors)


# The table, and the segments that it was made from


@pytest.mark.fault("log_complete")
@pytest.mark.requirement("PL-03")
def test_what_stands_in_the_segments_and_not_in_the_table_is_counted(world: Edge) -> None:
    author = world.author()
    author.predict(3)
    author.roll()
    author.predict(2)
    author.close()
    files = world.lay(author)
    late = files[1].read_bytes()
    files[1].unlink()
    world.compute()
    files[1].write_bytes(late)
    world.act(author.ids[:3], [NOON] * 3)  # nobody acted upon the others
    compute_user_actions(world.root, TINY, [moment()])
    compute_log_completeness(world.root, TINY, [moment()])
    verdict = judge_log_complete(world.root, TINY, moment())
    assert verdict.status == "fail"
    assert "lacks 2 of the 5 predictions that stand in its segments" in verdict.reason
    world.compute()
    assert judge_log_complete(world.root, TINY, moment()).status == "pass"


def test_what_was_set_apart_or_repeats_a_row_is_not_lacking(world: Edge) -> None:
    author = world.author()
    author.predict(4)
    author.feature = "other"  # set apart: it is none of this log
    author.predict(1)
    author.feature = "tiny"
    author.close()
    first, *_ = world.lay(author)
    first.with_name("20210304T120000-9-copy.000001.jsonl").write_bytes(first.read_bytes())
    world.compute()
    verdict = judge_log_complete(world.root, TINY, moment())
    assert not any("lacks" in finding.reason for finding in verdict.findings)
    assert verdict.observed["missing_sequence_numbers"] == 0


@pytest.mark.fault("log_complete")
@pytest.mark.requirement("PL-03")
@pytest.mark.parametrize("content", [b"", bytes(5000)], ids=["empty", "zeros"])
def test_a_segment_of_which_nothing_is_left_but_its_name_is_told(
    world: Edge, content: bytes
) -> None:
    author = world.author()
    author.predict(2)
    author.close()
    [whole] = world.lay(author)
    lost = whole.with_name("20210304T110000-8-lost.000001.jsonl")
    lost.write_bytes(content)  # as a loss of power may leave it
    world.compute()
    verdict = judge_log_complete(world.root, TINY, moment())
    assert verdict.status == "fail"
    assert f"web/{lost.name}: it holds no line" in verdict.reason
    lost.unlink()
    world.compute()
    assert judge_log_complete(world.root, TINY, moment()).status == "pass"


# Midnight


def test_a_clock_that_was_set_back_over_midnight_loses_no_count(world: Edge) -> None:
    author = world.author(WINDOW.end - timedelta(seconds=20))
    author.predict(2)
    author.wait(22)
    author.roll()
    author.predict(5)  # of the next day
    author.wait(3, wall=-10)
    author.roll()
    author.predict(1)  # of this day again
    author.wait(20)
    author.roll()
    author.close()
    world.lay(author)
    world.compute()
    verdict = judge_log_complete(world.root, TINY, moment())
    assert not any("stand in its segments" in finding.reason for finding in verdict.findings)
    writers = judge_writers_present(world.root, TINY, moment())
    assert "the clock of writer web was moved back by 13 s" in writers.reason


@pytest.mark.fault("writers_present")
def test_the_end_of_the_run_of_the_night_before_is_not_the_run_of_this_day() -> None:
    def ran(begin: datetime, end: datetime, ended: End = "closed") -> Incarnation:
        return Incarnation(
            writer="night",
            incarnation=f"{begin:%H}",
            beats=True,
            begun=begin,
            ended=ended,
            segments=1,
            n=3,
            alive=((max(begin, WINDOW.start), end),),
        )

    half = timedelta(minutes=30)
    before = ran(WINDOW.start - half, WINDOW.start + half)
    own = ran(WINDOW.end - half, WINDOW.end, "open")
    after = WINDOW.end + half
    missed = judge_writers([before], NIGHTLY, WINDOW, after)
    assert missed.status == "fail"
    assert f"on {DAY} it did not log" in missed.reason
    assert judge_writers([before, own], NIGHTLY, WINDOW, after).status == "pass"
    for_days = ran(WINDOW.start - half, WINDOW.end, "open")
    assert judge_writers([for_days], NIGHTLY, WINDOW, after).status == "pass"


# Who was there


@pytest.mark.fault("writers_present")
@pytest.mark.requirement("WK-09")
def test_a_crash_is_told_though_its_opening_is_damaged_and_nobody_is_declared(world: Edge) -> None:
    author = world.author()
    author.predict(2)
    author.live(60)
    author.parts[0][0] = author.parts[0][0].replace(b'"pid"', b'"pxd"')
    [file] = world.lay(author)
    nobody = declared(writers=[])
    held = Held(file)
    world.compute(nobody)
    held.release()
    for feature in (TINY, nobody):
        world.compute(feature)
        verdict = judge_writers_present(world.root, feature, moment())
        assert verdict.status == "fail"
        assert f"writer web crashed after {DAY} 12:01:00" in verdict.reason


def test_a_writer_that_crashes_all_day_is_told_in_one_sentence() -> None:
    crashed = [
        Incarnation(
            writer="web",
            incarnation=f"i{minute}",
            beats=True,
            begun=begin,
            ended="crashed",
            segments=1,
            alive=((begin, begin + timedelta(seconds=50)),),
        )
        for minute in range(100)
        for begin in (NOON + timedelta(minutes=minute),)
    ]
    roster = Roster((Writer(name="web"),), 10)
    verdict = judge_writers(crashed, roster, WINDOW, NOON + timedelta(minutes=100), NOON)
    [crash] = verdict.findings
    assert crash.reason.startswith(f"writer web crashed 100 times since {DAY} 12:00:50; the last")
    assert (crash.size, verdict.observed["crashed"]) == (100, 100)


def test_a_machine_of_which_nothing_is_heard_is_named_beside_who_is_missed() -> None:
    roster = Roster((Writer(name="web"),), 10)
    heard = {"box-1": NOON, "box-2": WINDOW.end}
    verdict = judge_writers([], roster, WINDOW, WINDOW.end, machines=heard)
    assert f"nothing was heard of machine box-1 since {DAY} 12:00:00" in verdict.reason
    assert "box-2" not in verdict.reason
    soon = judge_writers([], roster, WINDOW, NOON + timedelta(seconds=90), machines=heard)
    assert "box" not in soon.reason


def test_a_machine_that_slept_is_thought_of_where_a_clock_went_forward() -> None:
    slept = Incarnation(
        writer="web",
        incarnation="i",
        beats=True,
        segments=1,
        alive=((WINDOW.start, WINDOW.end),),
        jumps=((NOON, 3600.0),),
    )
    roster = Roster((Writer(name="web"),), 10)
    reason = judge_writers([slept], roster, WINDOW, WINDOW.end).reason
    assert "moved forward by 60 min" in reason and "unless its machine slept" in reason
    back = msgspec.structs.replace(slept, jumps=((NOON, -3600.0),))
    assert "slept" not in judge_writers([back], roster, WINDOW, WINDOW.end).reason


# Odd witnesses


def hours_of(world: Edge) -> list[str]:
    """Three requests at noon and three an hour later, logged; what a witness tells of them."""
    author = world.author()
    author.live(60)
    author.predict(3)
    author.live(3600)
    author.predict(3)
    author.close()
    world.lay(author)
    return [f"{DAY}T12:00:00Z,3", f"{DAY}T13:00:00Z,3"]


def test_a_bad_row_of_another_day_does_not_blind_the_witness_on_this_one(world: Edge) -> None:
    rows = hours_of(world)
    world.serve(*rows, "2020-01-01T00:00:00Z,", "2030-01-01T00:00:00Z,-5")
    assert world.witness().status == "pass"
    for bad in (f"{DAY}T12:00:00Z,", f"{DAY}T12:00:00Z,-5", ",3"):
        world.serve(*rows, bad)
        verdict = world.witness()
        assert verdict.status == "no_evidence"
        assert "1 rows of sources/tiny/served/*.csv tell no time, or no number" in verdict.reason


@pytest.mark.fault("witness_agrees")
def test_requests_without_a_writers_name_are_laid_beside_all_that_is_left(world: Edge) -> None:
    hours_of(world)
    columns = "time,served,writer"
    world.serve(
        f"{DAY}T12:00:00Z,2,web", f"{DAY}T12:00:00Z,1,", f"{DAY}T13:00:00Z,3,", columns=columns
    )
    verdict = world.witness()
    assert (verdict.status, verdict.observed["served"]) == ("pass", 6)
    world.serve(f"{DAY}T12:00:00Z,3,web", f"{DAY}T13:00:00Z,5,", columns=columns)
    verdict = world.witness()
    assert verdict.status == "fail"
    told = "2 of 5 requests that the witness counted without naming a writer were not logged"
    assert told in verdict.reason
    assert "2 of 5 from 13:00 to 14:00" in verdict.reason


@pytest.mark.fault("witness_agrees")
def test_a_witness_that_calls_writers_otherwise_is_told_so(world: Edge) -> None:
    hours_of(world)
    world.serve(f"{DAY}T12:00:00Z,3,10.0.0.7:80", columns="time,served,writer")
    verdict = world.witness()
    assert verdict.status == "fail"
    assert "no writer of that name logs, those that do are web" in verdict.reason


def test_a_day_ends_at_24_hours(world: Edge) -> None:
    hours_of(world)
    world.serve(f"{DAY}T12:00:00Z,3", f"{DAY}T13:00:00Z,3", f"{DAY}T23:00:00Z,4")
    assert "4 of 4 from 23:00 to 24:00" in world.witness().reason


def test_no_name_breaks_the_picture_of_a_day(world: Edge) -> None:
    author = world.author()
    author.writer = r"../../x$\frac{$<script>|"
    author.parts = []
    author.open()
    author.predict(2)
    author.close()
    file = world.root.segments / "tiny" / "web" / f"{author.name}.000001.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"".join(author.parts[0]))
    world.compute()
    assert r"writer ../../x$\frac{$<script>| logs and nobody declared it" in (
        judge_writers_present(world.root, TINY, moment()).reason
    )
