"""``ai-ops verdicts``, ``ledger verify`` and ``features``: their shapes, words and exit codes."""

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.cli import features, ledger
from ai_ops.cli.common import BAD, DEFS, DONE, FAILS, NO_EVIDENCE
from ai_ops.cli.verdicts import verdicts
from ai_ops.storage.clocks import WallClock
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window

APP = typer.Typer()
APP.command()(verdicts)
APP.add_typer(ledger.app, name="ledger")
APP.add_typer(features.app, name="features")

FEATURE = "flight_delay"
SPAN = (FEATURE, "--from", "2021-03-01", "--to", "2021-03-02")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with three verdicts, one of them on the day after the span."""
    monkeypatch.delenv("AI_OPS_LEDGER_URL", raising=False)
    monkeypatch.delenv("AI_OPS_ROOT", raising=False)
    found = Finding("drift", "fail", "psi of weight [lb] is 0.4", ("weight",), size=0.4)
    failing = Verdict.failing("weight drifted", found, sample_size=900, observed={"psi": 0.4})
    passing = Verdict.passing("900 rows", sample_size=900)
    book = [
        RecordedVerdict(FEATURE, item, f"{FEATURE}/log", day, Window.of_day(day), judged, verdict)
        for item, day, judged, verdict in (
            ("rows", "2021-03-01", datetime(2021, 3, 2, tzinfo=UTC), passing),
            ("drift", "2021-03-02", datetime(2021, 3, 3, tzinfo=UTC), failing),
            ("rows", "2021-03-03", datetime(2021, 3, 4, tzinfo=UTC), passing),
        )
    ]
    Root.open(tmp_path, environment={}).ledger.record_verdicts(book, clock=WallClock())
    return tmp_path


def call(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    result = CliRunner().invoke(APP, [str(one) for one in arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_verdicts_as_json_have_their_shape_and_both_days_are_included(root: Path) -> None:
    code, out, _ = call("verdicts", *SPAN, "--root", root, "--json")
    data = json.loads(out)
    assert code == DONE and set(data) == {"feature", "verdicts"} and data["feature"] == FEATURE
    assert [(v["item"], v["partition"]) for v in data["verdicts"]] == [
        ("rows", "2021-03-01"),
        ("drift", "2021-03-02"),
    ]
    drift = data["verdicts"][1]
    assert drift["status"] == "fail" and drift["sample_size"] == 900
    assert drift["window"] == {
        "start": "2021-03-02T00:00:00+00:00",
        "end": "2021-03-03T00:00:00+00:00",
    }
    assert drift["as_of"] == "2021-03-03T00:00:00+00:00"
    assert datetime.now(UTC) - datetime.fromisoformat(drift["recorded_at"]) < timedelta(hours=1)
    assert drift["findings"][0]["columns"] == ["weight"] and drift["findings"][0]["size"] == 0.4


def test_verdicts_for_a_person_are_a_table_with_counts(root: Path) -> None:
    code, out, _ = call("verdicts", *SPAN, "--root", root)
    assert code == DONE
    assert "weight drifted" in out and "2021-03-02" in out and "1 pass" in out and "1 fail" in out


def test_verdicts_are_narrowed_by_item_status_and_moment(root: Path) -> None:
    def items(*more: str) -> list[str]:
        code, out, _ = call("verdicts", *SPAN, "--root", root, "--json", *more)
        assert code == DONE
        return [verdict["item"] for verdict in json.loads(out)["verdicts"]]

    assert items("--item", "drift") == ["drift"]
    assert items("--status", "pass") == ["rows"]
    assert items("--status", "waived") == []
    assert items("--as-of", datetime.now(UTC).isoformat()) == ["rows", "drift"]
    then = "2021-03-02T12:00:00Z"  # judged as of then, and recorded by a live root only now
    assert call("verdicts", *SPAN, "--root", root, "--as-of", then)[0] == NO_EVIDENCE


def test_no_verdict_in_the_span_is_no_evidence(root: Path) -> None:
    early = (FEATURE, "--from", "2021-02-01", "--to", "2021-02-28")
    code, out, err = call("verdicts", *early, "--root", root, "--json")
    assert code == NO_EVIDENCE and json.loads(out)["verdicts"] == []
    assert "no verdict from 2021-02-01 to 2021-02-28: nothing was judged" in err
    other = (FEATURE, "--from", "2021-03-03", "--to", "2021-03-03")
    code, _, err = call("verdicts", *other, "--item", "drift", "--root", root)
    assert code == NO_EVIDENCE and "no verdict of drift" in err


def test_an_item_that_the_ledger_does_not_know_is_a_misspelling_not_an_absence(root: Path) -> None:
    code, _, err = call("verdicts", *SPAN, "--item", "drft", "--root", root)
    assert code == BAD and "is about drft; there are: drift, rows" in err


def test_reading_an_empty_folder_leaves_it_empty(tmp_path: Path) -> None:
    assert call("verdicts", *SPAN, "--root", tmp_path)[0] == NO_EVIDENCE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("parcel", *SPAN[1:]), "parcel: no such AI feature; there are: flight_delay"),
        ((*SPAN[:4], "today"), "--to: write a day as YYYY-MM-DD (found 'today')"),
        ((*SPAN[:4], "2021-02-01"), "--to: 2021-02-01 lies before --from 2021-03-01"),
        ((*SPAN, "--as-of", "2021-03-01T00:00:00"), "--as-of: write ISO 8601 with its zone"),
        ((*SPAN, "--root", "/nowhere/at/all"), "--root: /nowhere/at/all is no folder"),
    ],
)
def test_bad_input_is_told_in_one_line_without_a_traceback(
    root: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = call("verdicts", "--root", root, *arguments)
    assert (code, out) == (BAD, "") and words in err and "Traceback" not in err


def test_ledger_verify_says_what_holds_and_what_is_broken(root: Path) -> None:
    code, out, _ = call("ledger", "verify", "--root", root, "--json")
    verified = json.loads(out)
    assert code == DONE and verified["ok"] and (verified["blocks"], verified["events"]) == (1, 3)
    assert call("ledger", "verify", "--root", root, "--head", verified["head"])[0] == DONE
    code, _, err = call("ledger", "verify", "--root", root, "--head", "0" * 64)
    assert code == FAILS and "truncated or recomputed" in err
    with sqlite3.connect(root / "ledger.db") as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET item = 'none' WHERE idx = 2")
    connection.close()
    code, out, err = call("ledger", "verify", "--root", root, "--json")
    assert code == FAILS and not json.loads(out)["ok"] and "block 1, event 2" in err


def test_an_empty_ledger_verifies_nothing(tmp_path: Path) -> None:
    code, _, err = call("ledger", "verify", "--root", tmp_path)
    assert code == NO_EVIDENCE and "nothing to verify" in err


def test_features_are_listed_with_who_is_accountable() -> None:
    code, out, _ = call("features", "list", "--json")
    (feature,) = [one for one in json.loads(out)["features"] if one["name"] == FEATURE]
    assert code == DONE and len(feature["accountable"]) == 4
    code, out, _ = call("features", "list")
    assert code == DONE and FEATURE in out and "devops@example.com" in out


def test_features_check_says_ok_and_names_every_mistake(tmp_path: Path) -> None:
    code, out, _ = call("features", "check")
    assert code == DONE and f"OK ({FEATURE})" in out
    good = (DEFS / FEATURE / "defs.yaml").read_text(encoding="utf-8")
    bad = tmp_path / "bad.yaml"
    bad.write_text(good.replace("served_by: own_model", "servd_by: own_model"), encoding="utf-8")
    code, out, err = call("features", "check", bad, DEFS)
    assert code == BAD and "bad.yaml:6: servd_by: unknown key" in err and f"OK ({FEATURE})" in out
    code, out, _ = call("features", "check", bad, "--json")
    (result,) = json.loads(out)["features"]
    assert code == BAD and len(result["mistakes"]) == 2 and result["feature"] is None


@pytest.mark.requirement("OW-15")
def test_features_check_warns_of_one_person_who_holds_all_four(tmp_path: Path) -> None:
    text = (DEFS / FEATURE / "defs.yaml").read_text(encoding="utf-8")
    for team in ("backend", "data-science"):
        text = text.replace(f"accountable: {team}@", "accountable: devops@")
    folder = tmp_path / FEATURE
    folder.mkdir()
    (folder / "defs.yaml").write_text(text, encoding="utf-8")
    code, out, err = call("features", "check", folder)
    assert code == DONE and "OK" in out
    assert "warning: devops@example.com is accountable for all four domains" in err


def test_a_folder_without_features_is_no_evidence(tmp_path: Path) -> None:
    code, _, err = call("features", "check", tmp_path)
    assert code == NO_EVIDENCE and "holds no AI feature" in err
