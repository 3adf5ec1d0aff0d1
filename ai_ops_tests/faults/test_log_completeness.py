"""Faults of the log's completeness: each turns its check red, with exact counts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.logged import Logging
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
)
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.prediction_logging.writer_checks import (
    judge_log_unsampled,
    judge_witness_agrees,
    judge_writers_present,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.prediction_logging.authors import HEARTBEAT, Author, Held
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment

EVENING = NOON + timedelta(hours=11, minutes=59, seconds=50)
JUDGES = {
    "log_complete": judge_log_complete,
    "writers_present": judge_writers_present,
    "witness_agrees": judge_witness_agrees,
    "log_unsampled": judge_log_unsampled,
}


def declared(**logging: Any) -> AiFeatureSpec:
    told = {
        "writers": [{"name": "web", "processes": 2}, {"name": "batch", "always": False}],
        "witness": {"table": "sources/tiny/served/*.csv"},
        **logging,
    }
    return FEATURE.model_copy(update={"logging": Logging.model_validate(told)})


TINY = declared()


@dataclass
class Day:
    """Two web processes from noon to midnight, three parts each, and a batch in the evening."""

    root: Root
    feature: AiFeatureSpec = TINY
    authors: dict[str, Author] = field(default_factory=dict)
    without: dict[str, tuple[int, ...]] = field(default_factory=dict)
    served: dict[str, dict[int, int]] = field(default_factory=dict)
    witness: bool = True

    def __post_init__(self) -> None:
        digest = policy_of(TINY).digest
        self.authors = {
            name: Author(writer=name[:-1], pid=pid, policy=digest)
            for name, pid in (("web1", 1), ("web2", 2))
        }
        for author in self.authors.values():
            for part in range(3):
                author.live(1200)
                author.predict(5)
                author.live(1200)
                author.predict(2, mode="batch", request=f"{author.name}-{part}")
                author.live(1200)
                author.roll()
            self.until(author, EVENING)
        night = Author(writer="batch", pid=3, policy=digest, time=NOON + timedelta(hours=8.5))
        night.predict(4, mode="batch", request="nightly")
        night.close()
        self.authors["batch"] = night

    def until(self, author: Author, time: datetime) -> None:
        author.live((time - author.time).total_seconds())

    def end(self) -> None:
        """Everything that still runs ends in order."""
        for author in self.authors.values():
            if b'"kind":"seal"' not in author.parts[-1][-1]:
                author.close()

    def verdicts(self) -> dict[str, Verdict]:
        """Every check, computed afresh from what lies there."""
        for name, author in self.authors.items():
            author.lay(self.root.segments, self.without.get(name, ()))
        ids = [id for author in self.authors.values() for id in author.ids]
        World(self.root.folder).act(ids, [NOON] * len(ids))
        if self.witness:
            self.tell_served()
        for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
            compute(self.root, self.feature, [moment()])
        return {n: judge(self.root, self.feature, moment()) for n, judge in JUDGES.items()}

    def tell_served(self) -> None:
        served = self.served or {"web": {12: 12, 13: 12, 14: 12}, "batch": {20: 1}}
        rows = [
            f"{writer},{DAY}T{hour:02}:00:00Z,{count}"
            for writer, hours in served.items()
            for hour, count in hours.items()
        ]
        file = self.root.folder / "sources" / "tiny" / "served" / "lb.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(["writer,time,served", *rows]))


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(Root.open(tmp_path, {}))


@pytest.mark.requirement("PL-03", "WK-09")
def test_the_clean_day_is_green(day: Day) -> None:
    day.end()
    verdicts = day.verdicts()
    assert {name: v.status for name, v in verdicts.items()} == dict.fromkeys(JUDGES, "pass"), [
        v.reason for v in verdicts.values()
    ]
    assert verdicts["log_complete"].sample_size == 46
    assert verdicts["witness_agrees"].observed["served"] == 37


# What is missing


@pytest.mark.fault("log_complete")
@pytest.mark.requirement("PL-03")
def test_a_lost_part_in_the_middle_is_named_with_its_numbers(day: Day) -> None:
    day.end()
    day.without["web1"] = (2,)
    verdict = day.verdicts()["log_complete"]
    assert verdict.status == "fail"
    lost = verdict.findings[0]
    assert "part 2 is missing of writer web: sequence numbers 8–14, 7 in all" in lost.reason
    assert "told by the opening of part 3" in lost.reason
    assert f"between {DAY} 13:00:00 and 14:00:00" in lost.reason
    assert (lost.size, verdict.observed["missing_sequence_numbers"]) == (7, 7)
    assert verdict.observed["missing_parts"] == 1


@pytest.mark.fault("log_complete")
def test_the_first_parts_are_missed_too(day: Day) -> None:
    day.end()
    day.without["web2"] = (1, 2)
    verdict = day.verdicts()["log_complete"]
    reason = "parts 1–2 are missing of writer web: sequence numbers 1–14, 14 in all"
    assert reason in verdict.reason


@pytest.mark.fault("log_complete", "witness_agrees")
@pytest.mark.requirement("PL-03")
def test_a_lost_tail_is_seen_by_its_seal_without_a_closing_and_counted_by_the_witness(
    day: Day,
) -> None:
    day.end()
    day.without["web1"] = (3, 4)
    verdicts = day.verdicts()
    assert verdicts["log_complete"].status == "fail"
    assert "its last part that is here, which was sealed and not closed" in "".join(
        finding.reason for finding in verdicts["log_complete"].findings
    )
    witness = verdicts["witness_agrees"]
    assert witness.status == "fail"
    assert "6 of 36 requests that the witness counted of writer web were not" in witness.reason
    assert witness.findings[0].begin == NOON + timedelta(hours=2)
    assert witness.observed["not_logged"] == 6


@pytest.mark.fault("log_complete")
def test_a_lost_piece_of_a_sealed_part_is_counted_and_its_seal_broken(day: Day) -> None:
    day.end()
    lines = day.authors["web1"].parts[0]
    first = next(place for place, line in enumerate(lines) if b'"seq":1,' in line)
    del lines[first + 1 : first + 3]
    verdict = day.verdicts()["log_complete"]
    assert "2 sequence numbers of writer web are missing (2–3 between" in verdict.reason
    reasons = " ".join(finding.reason for finding in verdict.findings)
    assert "its bytes are others" in reasons
    assert "7 predictions were sealed, 5 can be read" in reasons


@pytest.mark.fault("log_complete")
def test_a_flipped_bit_breaks_the_seal(day: Day) -> None:
    day.end()
    lines = day.authors["web1"].parts[1]
    lines[-2] = lines[-2].replace(b'"written":14', b'"written":15')
    verdict = day.verdicts()["log_complete"]
    assert verdict.status == "fail"
    assert "000002.jsonl: its bytes are others" in verdict.reason


@pytest.mark.fault("log_complete")
def test_lines_behind_a_seal_were_written_by_nobody(day: Day) -> None:
    day.end()
    day.authors["web1"].parts[0].append(day.authors["web1"].parts[0][1])  # a heartbeat, again
    verdict = day.verdicts()["log_complete"]
    assert "1 lines stand behind its seal" in verdict.reason


@pytest.mark.fault("log_complete")
def test_what_could_not_be_written_is_counted_exactly(day: Day) -> None:
    author = day.authors["web1"]
    author.fail(3)
    author.beat()
    author.predict(1)
    day.end()
    verdict = day.verdicts()["log_complete"]
    assert verdict.status == "fail"
    [found] = verdict.findings
    assert "3 predictions of writer web could not be written, by its own count" in found.reason
    assert "numbers 22–24" in found.reason
    assert (found.size, verdict.observed["failures"]) == (3, 3)


@pytest.mark.fault("log_complete")
def test_a_writer_that_tells_of_more_than_there_is(day: Day) -> None:
    day.authors["web1"].written += 2
    day.end()
    verdict = day.verdicts()["log_complete"]
    assert "told at" in verdict.reason and "23 predictions, 21 stand in" in verdict.reason


@pytest.mark.fault("log_complete")
def test_a_copied_segment_is_counted_once_and_named(day: Day) -> None:
    day.end()
    file = day.authors["web1"].lay(day.root.segments)[1]
    file.with_name("20210304T130000-9-copy.000001.jsonl").write_bytes(file.read_bytes())
    verdict = day.verdicts()["log_complete"]
    assert verdict.status == "fail"
    [found] = verdict.findings
    assert "9-copy.000001.jsonl repeats the 7 predictions of web/" in found.reason
    assert verdict.observed["missing_sequence_numbers"] == 0


@pytest.mark.fault("log_complete")
def test_a_segment_that_cannot_be_opened_is_named(day: Day) -> None:
    day.end()
    folder = day.root.segments / "tiny" / "web" / "20210304T120000-8-dark.000001.jsonl"
    folder.mkdir(parents=True)
    verdict = day.verdicts()["log_complete"]
    assert "8-dark.000001.jsonl cannot be read: Is a directory" in verdict.reason


# Who was there


@pytest.mark.fault("writers_present")
@pytest.mark.requirement("WK-09")
def test_a_crash_is_named_with_what_is_known_of_it(day: Day) -> None:
    day.end()
    author = day.authors["web1"]
    del author.parts[3][20:]
    verdict = day.verdicts()["writers_present"]
    assert verdict.status == "fail"
    crash, shortage = verdict.findings
    assert "writer web crashed after 2021-03-04 15:03:" in crash.reason
    assert "process 1 on box" in crash.reason and "none began after it" in crash.reason
    assert "nothing up to sequence number 21 is missing" in crash.reason
    assert "1 of the 2 processes of writer web was there" in shortage.reason
    assert shortage.begin == crash.begin


@pytest.mark.fault("writers_present")
@pytest.mark.requirement("WK-09")
def test_a_crash_that_was_restarted_at_once_is_a_crash_still(day: Day) -> None:
    author = day.authors["web1"]
    again = Author(time=author.time, pid=11, policy=author.policy)
    again.live(5)
    day.authors["again"] = again
    day.authors["web2"].close()
    again.close()
    verdict = day.verdicts()["writers_present"]
    [crash] = verdict.findings
    assert "another began at 2021-03-04 23:59:50" in crash.reason


@pytest.mark.fault("writers_present")
def test_a_process_that_hangs_is_silent_since_its_last_sign_of_life(day: Day) -> None:
    author = day.authors["web1"]
    del author.parts[3][20:]
    day.end = lambda: None  # type: ignore[method-assign]
    day.authors["web2"].close()
    held = Held(author.lay(day.root.segments)[3])
    try:
        verdict = day.verdicts()["writers_present"]
    finally:
        held.release()
    silent = verdict.findings[0]
    assert "gave no sign of life for" in silent.reason and "had not ended (since" in silent.reason
    assert silent.begin is not None and silent.begin.hour == 15


@pytest.mark.fault("writers_present")
def test_a_silence_in_between_is_found_though_it_passed(day: Day) -> None:
    author = Author(pid=2, policy=policy_of(TINY).digest)
    author.live(100)
    author.wait(3 * HEARTBEAT + 1)
    day.until(author, EVENING)
    day.authors["web2"] = author
    day.end()
    verdict = day.verdicts()["writers_present"]
    silent, shortage = verdict.findings
    assert silent.size == 3 * HEARTBEAT + 1 + HEARTBEAT
    assert "1 of the 2 processes of writer web was there" in shortage.reason


@pytest.mark.fault("writers_present")
def test_a_worker_that_never_starts_is_missed(day: Day) -> None:
    day.end()
    del day.authors["web2"]
    day.authors.pop("batch")
    verdict = day.verdicts()["writers_present"]
    few, batch = verdict.findings
    assert "1 of the 2 processes of writer web was there (between 2021-03-04 12:00:00" in few.reason
    assert "only 1 of them began" in few.reason
    assert "writer batch came with 0 of its 1 processes" in batch.reason


@pytest.mark.fault("writers_present")
def test_a_declared_writer_of_which_nothing_is_there_never_started(day: Day) -> None:
    day.end()
    day.feature = declared(writers=[{"name": "web", "processes": 2}, {"name": "mobile"}])
    del day.authors["batch"]
    verdict = day.verdicts()["writers_present"]
    assert "writer mobile never started: nothing of it is there" in verdict.reason


@pytest.mark.fault("writers_present")
def test_a_writer_that_nobody_declared_is_named(day: Day) -> None:
    shadow = Author(writer="shadow", pid=5, policy=policy_of(TINY).digest)
    shadow.predict(3)
    shadow.close()
    day.authors["shadow"] = shadow
    day.end()
    verdict = day.verdicts()["writers_present"]
    assert "writer shadow logs and nobody declared it: 3 predictions" in verdict.reason


@pytest.mark.fault("writers_present")
def test_a_clock_that_was_moved_is_named_with_its_size(day: Day) -> None:
    author = day.authors["web1"]
    author.wait(5, wall=-3595)
    author.beat()
    day.end()
    verdict = day.verdicts()["writers_present"]
    assert verdict.status == "fail"
    assert "the clock of writer web was moved back by 60 min" in verdict.reason
    assert verdict.findings[0].size == -3600


@pytest.mark.fault("writers_present")
def test_without_a_roster_nobody_is_missed_and_nothing_is_proven(day: Day) -> None:
    day.end()
    day.feature = declared(writers=[])
    verdict = day.verdicts()["writers_present"]
    assert verdict.status == "no_evidence" and "`logging.writers`" in verdict.reason


# What was counted besides


@pytest.mark.fault("witness_agrees")
@pytest.mark.requirement("PL-03", "WK-10")
def test_a_record_path_that_is_skipped_is_counted_by_the_witness(day: Day) -> None:
    day.end()
    day.served = {"web": {12: 12, 13: 12, 14: 19}, "batch": {20: 1}}
    witness = day.verdicts()["witness_agrees"]
    assert witness.status == "fail"
    assert "7 of 43 requests that the witness counted of writer web were not" in witness.reason
    assert "7 of 19 from 14:00 to 15:00" in witness.reason
    assert (witness.findings[0].size, witness.findings[0].begin) == (7, NOON + timedelta(hours=2))


@pytest.mark.fault("witness_agrees")
def test_a_process_that_answers_and_does_not_log_is_named(day: Day) -> None:
    day.authors["web1"].served = 25
    day.authors["web2"].served = 18
    day.end()
    verdict = day.verdicts()["witness_agrees"]
    [found] = verdict.findings
    assert "answered 25 requests by its own count and logged 18" in found.reason
    assert "process 1 on box" in found.reason


def test_a_nightly_batch_that_the_witness_cannot_see_leaves_it_green(day: Day) -> None:
    day.end()
    day.served = {"web": {12: 12, 13: 12, 14: 12}}
    assert day.verdicts()["witness_agrees"].status == "pass"
    day.feature = declared(writers=[{"name": "web", "processes": 2}, {"name": "batch"}])
    verdict = day.verdicts()["witness_agrees"]
    assert "the witness counted nothing of writer batch in 1 hour, since 20:00" in verdict.reason


def nobody(day: Day) -> None:
    day.feature = declared(witness=None)


def gone(day: Day) -> None:
    day.witness = False


def silent(day: Day) -> None:
    day.served = {"web": {}}


def blind_since_two(day: Day) -> None:
    day.served = {"web": {12: 12, 13: 12}, "batch": {20: 1}}


def odd(day: Day) -> None:
    day.served = {"web": {12: -10, 13: 12, 14: 12}, "batch": {20: 1}}


@pytest.mark.fault("witness_agrees")
@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (nobody, "`logging.witness`"),
        (gone, "no file matches sources/tiny/served/*.csv"),
        (silent, "the witness counted no request, 36 were logged"),
        (blind_since_two, "counted nothing of writer web in 1 hour, since 14:00, in which 12"),
        (odd, "1 rows of sources/tiny/served/*.csv tell no time, or no number"),
    ],
)
def test_a_witness_that_bears_no_witness_is_no_evidence(
    day: Day, plant: Callable[[Day], None], words: str
) -> None:
    day.end()
    plant(day)
    verdict = day.verdicts()["witness_agrees"]
    assert (verdict.status, words in verdict.reason) == ("no_evidence", True), verdict.reason


# By which rules


@pytest.mark.fault("log_unsampled")
@pytest.mark.requirement("PL-03", "WK-10")
def test_a_logger_that_samples_is_named_with_what_it_left_out(day: Day) -> None:
    author = day.authors["web1"]
    author.sampling, author.unsampled = 0.5, 7
    author.roll()
    day.end()
    verdict = day.verdicts()["log_unsampled"]
    assert verdict.status == "fail"
    reasons = [finding.reason for finding in verdict.findings]
    assert any("logs 50.0% of its predictions" in reason for reason in reasons)
    assert any("7 predictions of writer web were left out" in reason for reason in reasons)


@pytest.mark.fault("log_unsampled")
def test_a_configuration_that_was_changed_elsewhere_is_named_with_its_begin(day: Day) -> None:
    author = day.authors["web2"]
    begin = author.time
    author.policy = "feedfacefeedface"
    author.beat()
    day.end()
    verdict = day.verdicts()["log_unsampled"]
    [found] = verdict.findings
    assert "follows policy feedfacefeedface since 2021-03-04 23:59:50" in found.reason
    assert found.begin == begin


@pytest.mark.fault("log_unsampled")
def test_a_yaml_that_samples_is_itself_the_fault(day: Day) -> None:
    day.end()
    day.feature = declared(sampling=0.1)
    assert "`logging.sampling`" in day.verdicts()["log_unsampled"].reason


@pytest.mark.fault("log_unsampled", "writers_present")
def test_an_older_client_tells_nothing_of_itself_and_proves_nothing(day: Day) -> None:
    day.end()
    for author in day.authors.values():
        author.parts = [
            [
                line.replace(b'"schema":2', b'"schema":1')
                for line in author.parts[0]
                if b'"kind":"prediction"' in line
            ]
        ]
    verdicts = day.verdicts()
    assert verdicts["log_unsampled"].status == "no_evidence"
    assert verdicts["writers_present"].status != "pass"


@pytest.mark.fault("log_complete", "writers_present", "witness_agrees", "log_unsampled")
def test_a_day_of_which_nothing_was_computed_is_no_evidence(day: Day) -> None:
    for judge in JUDGES.values():
        assert judge(day.root, day.feature, moment()).status == "no_evidence"
