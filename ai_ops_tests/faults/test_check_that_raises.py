"""A check that raises judges nothing: its error is told, and its item says what was not judged."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.faults.test_weekly import item
from ai_ops_tests.faults.weeks import LOG_WEEK, LOGGED, SILENT_DAY, logged_week, record
from ai_ops_tests.prediction_logging.logging_world import FEATURE, moment


@pytest.mark.fault("logs_written")
@pytest.mark.requirement("WK-10", "FR-3")
def test_a_check_whose_file_was_damaged_raises_and_its_day_has_no_verdict(tmp_path: Path) -> None:
    root = logged_week(tmp_path, unjudged=SILENT_DAY)
    files = [
        file
        for file in (root.folder / "lake").rglob(f"*{SILENT_DAY}*.json")
        if "completeness" in str(file)
    ]
    assert files
    for file in files:
        file.write_bytes(b'{"torn off')
    due = moment(SILENT_DAY, Window.of_day(SILENT_DAY).end + timedelta(days=5))
    with pytest.raises(Exception, match=r"Unterminated|damaged|line 1|torn"):
        record(root, LOGGED, LOG_CHECKS, [due])
    verdict = item(root, FEATURE, "logs_written", LOG_WEEK)
    assert verdict.status == "no_evidence"
    assert f"log_complete was not judged on {SILENT_DAY}" in {f.reason for f in verdict.findings}


def test_a_week_in_which_no_check_raises_is_green(tmp_path: Path) -> None:
    root = logged_week(tmp_path)
    assert item(root, FEATURE, "logs_written", LOG_WEEK).status == "pass"
