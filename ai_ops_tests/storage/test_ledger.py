"""What the ledger takes, gives back and refuses, on both databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.storage.clocks import ReplayClock, WallClock
from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.vocabulary.errors import BadInput, ClockRefused, LedgerBroken
from ai_ops.vocabulary.verdicts import Evidence, Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window

DAY = datetime(2021, 3, 1, tzinfo=UTC)
PASS = Verdict.passing("all 7 rows were there", sample_size=7)


def verdict_on(item: str, day: int = 0, hours: int = 24, **kind: Any) -> RecordedVerdict:
    """A verdict on one day of March, judged some hours after the day began."""
    start = DAY + timedelta(days=day)
    window = Window(start, start + timedelta(days=1))
    return RecordedVerdict(
        feature="parcels",
        item=item,
        asset=kind.get("asset", "parcels/log"),
        partition=start.date().isoformat(),
        window=window,
        as_of=start + timedelta(hours=hours),
        verdict=kind.get("verdict", PASS),
    )


def replay_at(folder: Path, moment: datetime) -> ReplayClock:
    """A replay's clock that shows a moment."""
    clock = ReplayClock(folder / "clock.json")
    clock.advance(moment)
    return clock


def test_an_empty_ledger_has_no_mode_no_verdict_and_no_head(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    assert ledger.mode() is None
    assert ledger.verdicts("parcels") == [] and ledger.events() == []
    assert ledger.verify().head is None


def test_the_latest_verdict_stands_and_earlier_moments_are_remembered(
    ledger_url: str, tmp_path: Path
) -> None:
    ledger, clock = Ledger(ledger_url), replay_at(tmp_path, DAY + timedelta(days=9))
    found = Finding("volume", "fail", "3 rows of 7", ("a",), window=Window.of_day("2021-03-01"))
    first = verdict_on("rows", hours=24, verdict=Verdict.failing("rows are missing", found))
    second = verdict_on("rows", hours=30)
    first, second = ledger.record_verdicts([first, second], clock=clock, run_id="r1")
    assert first.recorded_at is not None
    assert ledger.verdicts("parcels") == [second]
    assert ledger.verdicts("parcels", as_of=first.as_of) == [first]
    assert ledger.verdicts("parcels", as_of=first.as_of - timedelta(microseconds=1)) == []
    assert ledger.history("parcels", "rows") == [first, second]
    assert ledger.history("parcels", "rows", partition="2021-03-02") == []
    assert [event.run_id for event in ledger.events(kinds=["verdict"])] == ["r1", "r1"]


def test_a_live_root_shows_at_a_moment_only_what_was_recorded_by_then(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    (verdict,) = ledger.record_verdicts([verdict_on("rows")], clock=WallClock())
    assert verdict.recorded_at is not None and verdict.as_of < verdict.recorded_at
    before = verdict.recorded_at - timedelta(microseconds=1)
    for moment, known in ((verdict.as_of, []), (before, []), (verdict.recorded_at, [verdict])):
        assert ledger.verdicts("parcels", as_of=moment) == known
        assert ledger.history("parcels", "rows", as_of=moment) == known
        assert len(ledger.events("parcels", as_of=moment)) == len(known)
    assert ledger.verdicts("parcels") == [verdict]


def test_reading_a_ledger_that_is_not_there_does_not_make_it(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert ledger.mode() is None and ledger.verify().head is None
    assert ledger.verdicts("parcels") == ledger.history("parcels", "rows") == []
    assert ledger.events() == ledger.items("parcels") == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_ledger_is_told_as_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(b"no database at all " * 100)
    for call in (Ledger(f"sqlite:///{file}").mode, Ledger(f"sqlite:///{file}").verify):
        with pytest.raises(LedgerBroken, match="not a database; put back a copy"):
            call()
    with pytest.raises(BadInput, match="'nonsense': no address of a ledger"):
        Ledger("nonsense").mode()


def test_a_window_an_item_and_an_asset_narrow_what_is_read(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    days = [verdict_on("rows", day) for day in range(5)]
    other = verdict_on("drift", 2, asset="parcels/drift")
    ledger.record_verdicts([*reversed(days), other], clock=WallClock())
    window = Window.trailing("2021-03-04", days=2)
    read = ledger.verdicts("parcels", window=window)
    assert [(v.partition, v.item) for v in read] == [
        ("2021-03-03", "drift"),
        ("2021-03-03", "rows"),
        ("2021-03-04", "rows"),
    ]
    assert [v.item for v in ledger.verdicts("parcels", window=window, items=["drift"])] == ["drift"]
    assert len(ledger.verdicts("parcels", assets=["parcels/log"])) == 5
    assert ledger.verdicts("parcels", items=[]) == []
    assert ledger.verdicts("letters") == []


def test_a_verdict_whose_window_moved_away_is_not_read_in_its_old_place(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    wide = verdict_on("drift", hours=24)
    moved = RecordedVerdict(
        wide.feature, wide.item, wide.asset, wide.partition,
        Window.of_day("2021-03-09"), DAY + timedelta(days=9), PASS,
    )  # fmt: skip
    ledger.record_verdicts([wide, moved], clock=WallClock())
    assert ledger.verdicts("parcels", window=wide.window) == []


def test_events_are_filtered_and_stand_in_the_order_of_the_chain(
    ledger_url: str, tmp_path: Path
) -> None:
    ledger = Ledger(ledger_url)
    clock = replay_at(tmp_path, DAY + timedelta(days=1))
    ledger.append([NewEvent("hold", "parcels", {"by": "Ada"}, as_of=DAY)], clock=clock)
    ledger.append(
        [NewEvent("release", "parcels", {}), NewEvent("hold", "letters", {})], clock=clock
    )
    assert [(e.kind, e.feature) for e in ledger.events()] == [
        ("hold", "parcels"),
        ("release", "parcels"),
        ("hold", "letters"),
    ]
    assert [e.payload for e in ledger.events("parcels", ["hold"])] == [{"by": "Ada"}]
    assert [e.kind for e in ledger.events("parcels", as_of=DAY)] == ["hold"]


def test_the_first_event_fixes_the_mode_and_the_other_clock_is_refused(
    ledger_url: str, tmp_path: Path
) -> None:
    ledger, replay = Ledger(ledger_url), replay_at(tmp_path, DAY)
    ledger.append([NewEvent("review", "parcels", {})], clock=replay)
    assert ledger.mode() == "replay"
    with pytest.raises(ClockRefused, match="this root is replay; a live clock"):
        ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
    assert ledger.verify().blocks == 1, "what was refused left nothing behind"


def test_a_judgement_of_the_future_is_refused(ledger_url: str, tmp_path: Path) -> None:
    ledger, replay = Ledger(ledger_url), replay_at(tmp_path, DAY)
    with pytest.raises(BadInput, match=r"verdict on rows: as of 2021-03-02.*clock says 2021-03-01"):
        ledger.record_verdicts([verdict_on("rows")], clock=replay)
    late = NewEvent("review", "parcels", {}, as_of=DAY + timedelta(seconds=1))
    with pytest.raises(BadInput, match="review: as of"):
        ledger.append([late], clock=replay)
    assert ledger.mode() is None


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused_by_name(number: float, tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    observed = Verdict.passing("fine", sample_size=1, observed={"psi": number})
    finding = Finding("drift", "fail", "psi is high", size=number)
    with pytest.raises(BadInput, match=r"parcels, rows, 2021-03-01: observed\.psi"):
        ledger.record_verdicts([verdict_on("rows", verdict=observed)], clock=WallClock())
    sized = verdict_on("rows", verdict=Verdict.failing("drift", finding))
    with pytest.raises(BadInput, match=r"findings\.0\.size"):
        ledger.record_verdicts([sized], clock=WallClock())
    with pytest.raises(BadInput, match="payload is not JSON"):
        ledger.append([NewEvent("review", "parcels", {"x": number})], clock=WallClock())
    assert ledger.verify().blocks == 0


def test_what_is_no_event_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    for kind in ("verdict", "promoted"):
        with pytest.raises(BadInput, match=kind):
            ledger.append([NewEvent(kind, "parcels", {})], clock=WallClock())  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="at least one event"):
        ledger.append([], clock=WallClock())
    assert ledger.record_verdicts([], clock=WallClock()) == ()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_a_database_that_forgets_or_is_unknown_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="SQLite file"):
        Ledger(url).mode()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}'",
        "UPDATE blocks SET mode = 'replay'",
        "DELETE FROM events",
        "DELETE FROM blocks",
    ],
)
def test_the_database_itself_refuses_to_rewrite(ledger_url: str, statement: str) -> None:
    ledger = Ledger(ledger_url)
    ledger.append([NewEvent("review", "parcels", {})], clock=WallClock())
    engine = sa.create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg2:"))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
    assert ledger.verify().events == 1


@pytest.mark.postgres
def test_postgres_refuses_to_truncate_and_sqlite_to_replace(
    postgres_url: str, tmp_path: Path
) -> None:
    for url, statement in (
        (postgres_url.replace("postgresql:", "postgresql+psycopg2:"), "TRUNCATE blocks, events"),
        (f"sqlite:///{tmp_path / 'ledger.db'}", "REPLACE INTO events SELECT * FROM events"),
        (f"sqlite:///{tmp_path / 'ledger.db'}", "REPLACE INTO blocks SELECT * FROM blocks"),
    ):
        Ledger(url).append([NewEvent("review", "parcels", {})], clock=WallClock())
        engine = sa.create_engine(url)
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


_moments = st.integers(0, 20).map(lambda hours: DAY + timedelta(hours=hours))
_numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(),
    st.text(),
    st.booleans(),
    st.none(),
)
_findings = st.builds(
    Finding,
    kind=st.sampled_from(["drift", "volume", "labels"]),
    status=st.sampled_from(["fail", "no_evidence"]),
    reason=st.text(min_size=1),
    columns=st.lists(st.text(), max_size=2).map(tuple),
    slice=st.none() | st.text(),
    window=st.none() | st.just(Window.of_day("2021-03-02")),
    begin=st.none() | _moments,
    size=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
_verdicts = st.builds(
    Verdict,
    status=st.sampled_from(["fail", "no_evidence", "waived"]),
    reason=st.text(min_size=1),
    observed=st.dictionaries(st.text(), _numbers, max_size=3),
    sample_size=st.integers(0, 10**12),
    evidence=st.lists(st.builds(Evidence, st.text(), st.text()), max_size=2).map(tuple),
    findings=st.lists(_findings, min_size=1, max_size=2).map(tuple),
)
_recorded = st.builds(
    RecordedVerdict,
    feature=st.sampled_from(["parcels", "letters"]),
    item=st.sampled_from(["rows", "drift"]),
    asset=st.sampled_from(["log", "report"]),
    partition=st.sampled_from([None, "2021-03-01", "2021-03-02"]),
    window=st.sampled_from(["2021-03-01", "2021-03-02"]).map(Window.of_day),
    as_of=_moments,
    verdict=_verdicts,
)


@settings(max_examples=40, deadline=None)
@given(blocks=st.lists(st.lists(_recorded, min_size=1, max_size=5), max_size=4), as_of=_moments)
def test_any_verdicts_round_trip_and_reads_equal_a_naive_fold(
    blocks: list[list[RecordedVerdict]], as_of: datetime
) -> None:
    with TemporaryDirectory() as folder:
        ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        clock = replay_at(Path(folder), datetime(2030, 1, 1, tzinfo=UTC))
        chain = [
            verdict for block in blocks for verdict in ledger.record_verdicts(block, clock=clock)
        ]
        latest: dict[tuple[str, str, str | None], RecordedVerdict] = {}
        for verdict in sorted(chain, key=lambda one: one.as_of):  # stable: ties keep the chain's
            if verdict.feature == "parcels" and verdict.as_of <= as_of:
                latest[verdict.item, verdict.asset, verdict.partition] = verdict
        window = Window.of_day("2021-03-02")
        expected = [one for one in latest.values() if one.window.overlaps(window)]
        read = ledger.verdicts("parcels", window=window, as_of=as_of)
        assert sorted(read, key=repr) == sorted(expected, key=repr)
        assert [one.window.start for one in read] == sorted(one.window.start for one in read)
        whole = ledger.history("parcels", "rows") + ledger.history("parcels", "drift")
        assert sorted(whole, key=repr) == sorted(
            (one for one in chain if one.feature == "parcels"), key=repr
        )
        assert ledger.verify().events == len(chain)
