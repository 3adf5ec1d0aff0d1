"""What nobody signed off in time is named with its age and its owner, and so is who is silent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.checklist.overdue import lists_since, overdue_of, silent_owners
from ai_ops.storage.clocks import WallClock
from ai_ops.storage.decided_records import SignedOff, Waiver
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Standing
from ai_ops_tests.deciding import BACKEND, DEVOPS, FEATURE, SCIENTIST, root_in

LAUNCH = datetime(2021, 3, 1, 9, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
MOVE = Move("launch", "1", None, LAUNCH, DEVOPS, {}, None, "", (1, 0))
LAUNCHED = Standing(moves=(MOVE,))
WEEKLY = {
    "drift_reviewed": ("drift_monitoring", SCIENTIST),
    "cost_trend_checked": ("inference_management", DEVOPS),
    "retraining_verified": ("retraining_pipeline", BACKEND),
    "logs_written": ("prediction_logging", BACKEND),
}


def signed(item: str, partition: str | None, at: datetime, **changed: str) -> SignedOff:
    domain, owner = WEEKLY[item]
    said = {"domain": domain, "cadence": "weekly", "by": owner} | changed
    return SignedOff(item, said["domain"], said["cadence"], partition, said["by"], "", at)  # type: ignore[arg-type]


def late(standing: Standing, as_of: datetime) -> dict[str, tuple[str, int, int]]:
    """The weekly lines that are late: since which list, how many days, how many lists."""
    return {
        one.item: (one.partition, one.days, one.lists)
        for one in overdue_of(FEATURE, standing, as_of)
        if one.cadence == "weekly"
    }


@pytest.mark.requirement("OW-02", "WK-03")
def test_a_line_is_overdue_a_week_after_its_list_was_over_and_names_age_and_owner() -> None:
    assert late(LAUNCHED, datetime(2021, 3, 14, 23, tzinfo=UTC)) == {}
    due = datetime(2021, 3, 15, tzinfo=UTC)
    assert late(LAUNCHED, due) == dict.fromkeys(WEEKLY, ("2021-03-01", 0, 1))
    assert late(LAUNCHED, due + 9 * DAY) == dict.fromkeys(WEEKLY, ("2021-03-01", 9, 2))
    owners = {one.item: one.owner for one in overdue_of(FEATURE, LAUNCHED, due)}
    assert owners == {item: owner for item, (_, owner) in WEEKLY.items()}
    words = {one.words for one in overdue_of(FEATURE, LAUNCHED, due + DAY)}
    assert f"not signed off by {DEVOPS} since the week of 2021-03-01: 1 day late" in words


@pytest.mark.requirement("OW-02")
def test_a_month_s_lines_are_due_a_week_after_the_month() -> None:
    found = overdue_of(FEATURE, LAUNCHED, datetime(2021, 4, 10, tzinfo=UTC))
    monthly = {(one.item, one.partition, one.days) for one in found if one.cadence == "monthly"}
    assert len(monthly) == 4
    assert ("log_audited", "2021-03-01", 2) in monthly


def test_a_later_list_that_was_signed_speaks_for_those_before_it() -> None:
    as_of = datetime(2021, 3, 31, tzinfo=UTC)
    off = signed("logs_written", "2021-03-08", datetime(2021, 3, 15, 8, tzinfo=UTC))
    found = late(Standing(moves=(MOVE,), sign_offs=(off,)), as_of)
    assert found["logs_written"] == ("2021-03-15", 2, 1)
    assert found["drift_reviewed"] == ("2021-03-01", 16, 3)


@pytest.mark.parametrize(
    "changed",
    [
        {"domain": "drift_monitoring"},
        {"cadence": "monthly"},
        {"partition": "2021-03-09"},
        {"partition": "never"},
        {"partition": None},
        {"at": datetime(2021, 3, 7, tzinfo=UTC)},
    ],
)
def test_what_names_no_list_of_the_item_or_came_before_its_end_signs_nothing(
    changed: dict[str, object],
) -> None:
    told = {"item": "logs_written", "partition": "2021-03-01", "at": LAUNCH + 8 * DAY} | changed
    off = signed(**told)  # type: ignore[arg-type]
    found = late(Standing(moves=(MOVE,), sign_offs=(off,)), datetime(2021, 3, 16, tzinfo=UTC))
    assert set(found) == set(WEEKLY)


@pytest.mark.requirement("PL-02")
def test_a_signed_excuse_is_a_signature_until_it_is_over() -> None:
    excuse = Waiver(
        "logs_written",
        "prediction_logging",
        BACKEND,
        "moving",
        LAUNCH,
        datetime(2021, 3, 14, tzinfo=UTC).date(),
    )
    standing = Standing(moves=(MOVE,), waivers=(excuse,))
    assert "logs_written" not in late(standing, datetime(2021, 3, 20, tzinfo=UTC))
    assert late(standing, datetime(2021, 3, 30, tzinfo=UTC))["logs_written"][0] == "2021-03-08"


def test_before_the_launch_and_after_the_end_nothing_is_due() -> None:
    years = LAUNCH + 900 * DAY
    assert overdue_of(FEATURE, Standing(), years) == ()
    ended = FEATURE.model_copy(
        update={
            "monitoring": FEATURE.monitoring.model_copy(
                update={"end": datetime(2021, 3, 10, tzinfo=UTC).date()}
            )
        }
    )
    found = {one.item: one.lists for one in overdue_of(ended, LAUNCHED, years)}
    assert found["logs_written"] == 2 and found["log_audited"] == 1


@pytest.mark.requirement("OW-02")
def test_of_a_model_that_others_launch_lists_are_due_since_its_ledger_is_there() -> None:
    others = FEATURE.model_copy(update={"served_by": "external"})
    as_of = datetime(2021, 3, 30, tzinfo=UTC)
    assert {one.partition for one in overdue_of(others, Standing(), as_of)} == {
        "2020-12-28",
        "2021-01-01",
    }
    since = datetime(2021, 3, 9, tzinfo=UTC)
    found = overdue_of(others, Standing(), as_of, known_since=since)
    assert {(one.partition, one.lists) for one in found} == {("2021-03-08", 2)}


def test_a_live_root_s_lists_are_due_since_its_first_block_a_replay_lives_its_days(
    tmp_path: Path,
) -> None:
    assert lists_since(root_in(tmp_path / "replay")) is None
    live = Root.open(tmp_path / "live", environment={})
    assert lists_since(live) is None, "nothing was recorded yet"
    before = WallClock().now()
    live.ledger.append([NewEvent("drill", FEATURE.name, {})], clock=live.clock)
    since = lists_since(live)
    assert since is not None and before <= since <= WallClock().now()
    others = FEATURE.model_copy(update={"served_by": "external"})
    assert overdue_of(others, Standing(), WallClock().now(), known_since=since) == ()


@pytest.mark.requirement("OW-02", "OW-14")
def test_an_owner_of_whom_every_line_is_overdue_is_named_with_the_lines() -> None:
    as_of = datetime(2021, 3, 16, tzinfo=UTC)

    def silent(standing: Standing, at: datetime = as_of) -> dict[str, tuple[str, ...]]:
        return {
            one.owner: one.items
            for one in silent_owners(FEATURE, overdue_of(FEATURE, standing, at))
        }

    assert silent(LAUNCHED) == {
        SCIENTIST: ("drift_reviewed",),
        DEVOPS: ("cost_trend_checked",),
        BACKEND: ("retraining_verified", "logs_written"),
    }
    off = signed("logs_written", "2021-03-01", datetime(2021, 3, 9, tzinfo=UTC))
    some = Standing(moves=(MOVE,), sign_offs=(off,))
    assert silent(some).keys() == {SCIENTIST, DEVOPS}
    later = silent_owners(FEATURE, overdue_of(FEATURE, some, as_of + 7 * DAY))
    assert {one.owner: one.partition for one in later if one.cadence == "weekly"} == {
        SCIENTIST: "2021-03-01",
        DEVOPS: "2021-03-01",
        BACKEND: "2021-03-08",
    }
    assert silent(LAUNCHED, datetime(2021, 3, 9, tzinfo=UTC)) == {}


@given(
    weeks=st.sets(st.integers(0, 9)),
    ahead=st.integers(0, 90),
    within=st.integers(1, 20),
)
def test_signing_never_makes_more_overdue_and_the_newest_list_decides(
    weeks: set[int], ahead: int, within: int
) -> None:
    feature = FEATURE.model_copy(update={"sign_off_within_days": within})
    as_of = LAUNCH + ahead * DAY
    offs = tuple(
        signed(
            "logs_written",
            (LAUNCH + 7 * week * DAY).date().isoformat(),
            LAUNCH + (7 * week + 8) * DAY,
        )
        for week in weeks
    )
    before = {one.item: one for one in overdue_of(feature, LAUNCHED, as_of)}
    after = {
        one.item: one for one in overdue_of(feature, Standing(moves=(MOVE,), sign_offs=offs), as_of)
    }
    assert set(after) <= set(before)
    for item, one in after.items():
        assert one.days <= before[item].days and one.lists <= before[item].lists
        assert one.days >= 0
    done = [week for week in weeks if 7 * week + 8 <= ahead]
    due = [week for week in range(13) if as_of >= LAUNCH + (7 * week + 7 + within) * DAY - LATE]
    assert ("logs_written" in after) == (max(due, default=-1) > max(done, default=-1))


LATE = timedelta(hours=9)
"""A list ends at midnight, the launch was at nine."""
