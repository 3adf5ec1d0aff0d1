"""What a person looks at: the page, its pictures, the commands; on a feature whose amounts were
sent in cents, and whose texts would like to run."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib.image
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect, sync_playwright
from typer.testing import CliRunner

from ai_ops.cli import common, drift_history
from ai_ops.cli import drift as command
from ai_ops.drift_monitoring import reporting, sampling
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.comparison import as_table
from ai_ops.drift_monitoring.distribution_pictures import Beside, draw_distributions
from ai_ops.drift_monitoring.evidently_report import make_evidently_report
from ai_ops.drift_monitoring.history import StoredReports
from ai_ops.drift_monitoring.references import load_reference
from ai_ops.drift_monitoring.sampling import sample_reference, sample_window
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops_tests.browser.conftest import CHROMIUM
from ai_ops_tests.drift_monitoring.installation import Installation
from ai_ops_tests.drift_monitoring.synthetic_world import BROKEN_DAY, DAYS, later, planted

DAY = DAYS[13]
ATTACK = "</script><script>document.title='owned'</script>"
IMAGE = "<img src=x onerror=\"document.title='owned'\">"
REMOTE = "<img src='http://198.51.100.7/seen.png'>"


def in_cents(rows: pd.DataFrame) -> pd.DataFrame:
    """From the broken day on amounts are a hundred times as large, and kinds have other names."""
    own = later(rows)
    rows.loc[own, "input_amount"] *= 100
    rows.loc[own, "input_kind"] = rows.loc[own, "input_kind"].replace(
        {"new": ATTACK, "repeat": IMAGE, "trial": REMOTE}
    )
    return rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Its days up to ``DAY``; a tenant and a cause that were stored are markup as well."""
    made = planted(tmp_path_factory.mktemp("page"), in_cents, days=DAYS[:14])
    lake, name = made.root.lake, made.feature.name
    report = StoredReports(made.root, name)[DAY]
    named = [replace(one, tenant=IMAGE, call_site=REMOTE) if one.beyond else one for one in report]
    lake.write_table(lake.path(name, "drift_report", DAY), as_table(named))
    cause = {"column": "amount", "cause": "bad_data", "reason": f"a factor of 100 {ATTACK}"}
    lake.write_json(lake.path(name, "drift_report/cause", DAY, "json"), {"columns": [cause]})
    return made


@pytest.fixture(scope="module")
def page(made: Installation) -> str:
    return make_evidently_report(made.root, made.feature, DAY)


@pytest.fixture(scope="module")
def opened(page: str) -> Iterator[tuple[Page, list[str]]]:
    """The page in a browser, and every address that it asked for."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        shown, asked = browser.new_page(viewport={"width": 1400, "height": 1000}), list[str]()
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(Path(page).as_uri())
        expect(shown.get_by_text("Drift in column 'kind'")).to_be_visible(timeout=30_000)
        yield shown, asked
        browser.close()


class Tags(HTMLParser):
    """The elements of a page, and the texts of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)


@pytest.mark.chromium
@pytest.mark.requirement("PL-20", "WK-01")
def test_nothing_that_users_wrote_runs_in_the_page_and_it_asks_no_host(
    opened: tuple[Page, list[str]],
) -> None:
    shown, asked = opened
    assert shown.title() != "owned"
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [shown.url]
    section = shown.locator(".ai-ops")
    expect(section.get_by_text(f"a factor of 100 {ATTACK}")).to_be_visible()
    expect(section.get_by_text(IMAGE).first).to_be_visible()
    assert "‹script›document.title='owned'‹/script›" in shown.content()
    # What would come in by another way has no permission to run.
    shown.evaluate(
        "text => { const own = document.createElement('script'); own.text = text;"
        " document.body.append(own) }",
        "document.title = 'owned'",
    )
    shown.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", IMAGE)
    shown.wait_for_timeout(200)
    assert shown.title() != "owned"


@pytest.mark.chromium
@pytest.mark.requirement("PL-20")
def test_evidently_s_values_stand_beside_those_of_every_row(
    opened: tuple[Page, list[str]], made: Installation
) -> None:
    shown, _ = opened
    report = {c.column: c for c in StoredReports(made.root, made.feature.name)[DAY]}
    rows = {row[0]: row for row in _cells(shown)}
    assert set(rows) == {column.name for column in columns_of(made.feature)}
    assert next(iter(rows)) in ("amount", "kind")
    for name, cells in rows.items():
        own = report[name].wasserstein if cells[1] == "Wasserstein" else report[name].js
        assert own is not None and cells[3] == f"{own:.3f}"
        assert float(cells[2]) == pytest.approx(own, abs=0.05, rel=0.05)
    amount = rows["amount"]
    assert amount[4] == "drift" and amount[10] == report["amount"].beyond_since
    pictures = shown.locator(".ai-ops img")
    assert pictures.count() == 2
    for place in range(2):
        picture = pictures.nth(place)
        assert picture.evaluate("image => image.complete && image.naturalWidth > 800")
        assert "amount at" in (picture.get_attribute("alt") or "")


def _cells(shown: Page) -> list[list[str]]:
    rows = shown.locator(".ai-ops tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def test_the_page_has_the_scripts_of_evidently_and_no_other(page: str, made: Installation) -> None:
    text = Path(page).read_text(encoding="utf-8")
    tags = Tags(text).seen
    assert tags.count("script") == 4 and tags.count("img") == 2
    assert not {"iframe", "link", "object", "form"}.intersection(tags)
    with pytest.raises(MissingEvidence, match="no rows"):
        make_evidently_report(made.root, made.feature, "2021-09-09")


@pytest.mark.requirement("WK-01")
def test_pictures_are_drawn_of_the_newest_day_and_of_a_new_alert(made: Installation) -> None:
    with patch.object(reporting, "make_evidently_report", lambda *_: "page.html"):
        summaries = made.monitor(DAYS[10], DAYS[12])
        alone = made.monitor(DAYS[8], DAYS[8])[DAYS[8]]
    alerts = [day for day, one in summaries.items() if one.numbers["alert"]]
    drawn = {day: one for day, one in summaries.items() if one.picture}
    assert set(drawn) == {alerts[0], DAYS[12]} and alerts[0] == DAYS[11]
    assert set(drawn[alerts[0]].pictures) == set(alone.pictures) == {"history", "distributions"}
    assert summaries[alerts[0]].files == {"evidently_report": "page.html"}
    for one in drawn.values():
        for picture in filter(None, (one.picture, *one.pictures.values())):
            assert picture.startswith(b"\x89PNG") and len(picture) < 80_000


def test_a_picture_names_what_many_rows_have_in_common_and_bears_any_name(
    made: Installation, tmp_path: Path
) -> None:
    reference = load_reference(made.root, made.feature)
    kind = reference.column("kind")
    odd = replace(kind.cells, values=("$x_{", "価格", *kind.cells.values[2:]))
    png = draw_distributions("$ of 100 %", [Beside(odd, kind.counts, kind.counts)])
    (tmp_path / "odd.png").write_bytes(png)
    assert np.ptp(matplotlib.image.imread(tmp_path / "odd.png")) > 0


@pytest.mark.requirement("PL-20")
def test_a_sample_has_of_each_day_and_slice_its_share_and_reads_no_more_for_a_larger_log(
    made: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE", 400)
    monkeypatch.setattr(sampling, "READ", 4_000)
    drift = made.feature.drift.model_copy(update={"slices": ("tenant",)})
    feature = made.feature.model_copy(update={"drift": drift})
    days = [(pd.Timestamp("2022-01-03") + timedelta(days=n)).strftime("%Y-%m-%d") for n in (0, 1)]
    for day, rows in zip(days, (30_000, 10_000), strict=True):
        _write(made, day, rows, tenants=10)
    taken = sample_window(made.root, feature, days, "1")
    assert (len(taken.rows), taken.of) == (400, 40_000)
    assert taken.read <= 4_000
    second = taken.rows["temp"] >= 1e6
    assert second.sum() == 100
    assert taken.rows["kind"].value_counts()["t0"] == pytest.approx(40, abs=4)
    # … of the whole day, not of its morning
    spread = np.histogram(taken.rows.loc[~second, "temp"], 3, (0, 30_000))[0]
    assert spread.min() > 60
    again = sample_window(made.root, feature, days, "1")
    pd.testing.assert_frame_equal(taken.rows, again.rows)


def _write(made: Installation, day: str, rows: int, tenants: int) -> None:
    """A log whose ``temp`` counts its rows, in small row groups."""
    number = np.arange(rows)
    tenant = np.char.add("t", (number % tenants).astype(str))
    table = pa.table(
        {
            "status": ["ok"] * rows,
            "model_version": ["1"] * rows,
            "tenant": tenant,
            "input_kind": tenant,
            "input_temp": number + (1e6 if rows < 20_000 else 0),
        }
    )
    path = made.root.lake.path(made.feature.name, "prediction_log", day)
    pq.write_table(table, path, row_group_size=500)


def test_a_reference_is_sampled_once(made: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = load_reference(made.root, made.feature).digest
    first = sample_reference(made.root, made.feature, "1", digest)
    monkeypatch.setattr(made.registry, "table", None)
    again = sample_reference(made.root, made.feature, "1", digest)
    pd.testing.assert_frame_equal(first.rows, again.rows)
    assert (again.read, again.of) == (0, first.of)
    with pytest.raises(AttributeError):
        sample_reference(made.root, made.feature, "1", "another table")


def call(made: Installation, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``ai-ops drift``."""
    own: dict[str, Any] = {
        "open_root": lambda _: made.root,
        "resolve_feature": lambda _: made.feature,
    }
    with patch.multiple(command, **own), patch.multiple(drift_history, **own):
        done = CliRunner().invoke(command.app, list(arguments), env={"COLUMNS": "180"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def test_the_command_shows_the_stored_report_and_says_what_is_missing(made: Installation) -> None:
    code, out, _ = call(made, "show", "parcels", DAY, "--json")
    data = json.loads(out)
    assert code == common.DONE and data["verdicts"]["input_drift"]["status"] == "fail"
    assert {one["column"] for one in data["columns"]} == {c.name for c in columns_of(made.feature)}
    assert data["cause"]["columns"][0]["cause"] == "bad_data"
    code, out, _ = call(made, "show", "parcels", DAY)
    assert "Wasserstein" in out and "cause of amount: bad data" in out
    lacks = {"2020-12-31": "begins on", "2999-01-01": "has not ended", DAYS[20]: "no drift report"}
    for day, why in lacks.items():
        code, _, error = call(made, "show", "parcels", day)
        assert code == common.NO_EVIDENCE and why in error


def test_the_history_tells_each_day_of_a_column_and_draws_it(
    made: Installation, tmp_path: Path
) -> None:
    png = tmp_path / "history.png"
    asked = ("history", "parcels", "--from", DAYS[0], "--to", DAY)
    code, out, _ = call(made, *asked, "--column", "amount", "--json", "--png", str(png))
    days = json.loads(out)["days"]
    assert code == common.DONE and [one["day"] for one in days] == list(DAYS[:14])
    beyond = {one["day"] for one in days if one["columns"] and one["columns"][0]["beyond"]}
    assert min(beyond) >= BROKEN_DAY and DAY in beyond
    assert days[-1]["verdicts"]["input_drift"] == "fail"
    assert png.read_bytes().startswith(b"\x89PNG")
    code, out, _ = call(made, *asked)
    assert code == common.DONE and DAY in out
    assert call(made, *asked, "--column", "nothing")[0] == common.BAD
    code, _, error = call(made, *asked, "--png", str(tmp_path / "none" / "history.png"))
    assert code == common.BAD and "--png: " in error and "cannot be written" in error
    code, _, error = call(made, "history", "parcels", "--from", DAY, "--to", DAYS[0])
    assert code == common.BAD and "swap them" in error
    code, _, error = call(made, "history", "parcels", "--from", "2022-02-01", "--to", "2022-02-02")
    assert code == common.NO_EVIDENCE and "no drift report" in error
