"""Faults of what a call costs: a model, a date or a bill that the prices do not fit to."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.costs import Invoice, TokenPrice
from ai_ops.ai_features.parts import Monitoring
from ai_ops.client import cost_drivers
from ai_ops.inference_management.checks import CHECKS
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.provider_logs import DAY, FIRST, assistant, call, days
from ai_ops_tests.inference_management.served import Row, of_day, open_root, with_costs, write_day
from ai_ops_tests.prediction_logging.logging_world import FEATURE, World, moment

pytestmark = pytest.mark.requirement("PL-21", "OW-09")

BILLED = Invoice(table="bills/*.csv")
A_DAY = 0.112
"""Dollars: what 40 calls of the clean log cost."""
Change = Callable[[Row, int], Row]


def as_it_was(one: Row, number: int) -> Row:
    return one


def judged(
    root: Root, feature: AiFeatureSpec, check: str, day: str = DAY, change: Change = as_it_was
) -> Verdict:
    """The verdict of a day as Dagster asks for it, after a week of 40 calls a day."""
    for each in days(7):
        write_day(root, feature, each, [change(call(n), n) for n in range(40)])
    compute_cost_rollup(root, feature, [of_day(each) for each in days(7)])
    return asked(root, feature, check, day)


def asked(root: Root, feature: AiFeatureSpec, check: str, day: str) -> Verdict:
    (found,) = [one for one in CHECKS if one.name == check and one.applies(feature)]
    (recorded,) = judge_and_record(root, feature, [found], [of_day(day)], run_id=None)
    return recorded.verdict


def bill(root: Root, *rows: tuple[str, str, str, str], name: str = "june") -> None:
    lines = ["first_day,last_day,amount,currency", *(",".join(row) for row in rows)]
    file = root.folder / "bills" / f"{name}.csv"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


def week_of(amount: float) -> tuple[str, str, str, str]:
    return DAY, days(7)[-1], f"{amount:.4f}", "USD"


def test_priced_calls_and_a_bill_that_fits_are_green(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), assistant(invoice=BILLED)
    bill(root, week_of(7 * A_DAY * 1.04))
    known = judged(root, feature, "cost_known")
    assert known.status == "pass" and known.observed["total"] == pytest.approx(A_DAY)
    verdict = asked(root, feature, "cost_reconciled", days(7)[-1])
    assert verdict.status == "pass" and verdict.sample_size == 7
    assert verdict.observed["share"] == pytest.approx(1 / 1.04 - 1, abs=1e-4)
    sources = [evidence.source for evidence in verdict.evidence]
    assert sources[0] == "bills/june.csv" and len(sources) == 8


def test_where_no_bill_is_given_none_is_asked_for() -> None:
    (check,) = [one for one in CHECKS if one.name == "cost_reconciled"]
    assert not check.applies(assistant()) and check.applies(assistant(invoice=BILLED))


@pytest.mark.fault("cost_known")
def test_an_unknown_model_in_the_log_is_named(tmp_path: Path) -> None:
    def silently_upgraded(one: Row, number: int) -> Row:
        return call(number, model="own-contract-model-2") if number % 8 == 1 else one

    root, feature = open_root(tmp_path), assistant()
    verdict = judged(root, feature, "cost_known", change=silently_upgraded)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "cost" and finding.call_site == "app"
    assert "own-contract-model-2 is in no list of prices" in finding.reason
    assert "total" not in verdict.observed and "0.0000" not in verdict.reason


@pytest.mark.fault("cost_known")
def test_a_contract_that_ended_leaves_the_day_without_a_price(tmp_path: Path) -> None:
    root = open_root(tmp_path)
    (price,) = assistant().costs.tokens
    ended = price.model_copy(update={"until": date.fromisoformat(days(7)[3])})
    feature = assistant(tokens=(ended,))
    assert judged(root, feature, "cost_known", days(7)[2]).status == "pass"
    verdict = asked(root, feature, "cost_known", days(7)[3])
    assert verdict.status == "fail" and f"{price.model} is in no list" in verdict.reason


@pytest.mark.fault("cost_known")
@pytest.mark.parametrize("day", ["2013-04-03", "2025-05-21"])
def test_a_date_before_every_known_price_is_no_free_day(tmp_path: Path, day: str) -> None:
    root = open_root(tmp_path)
    feature = assistant(tokens=()).model_copy(
        update={"monitoring": Monitoring(start=date.fromisoformat(day))}
    )
    write_day(root, feature, day, [call(n, model="gpt-4o") for n in range(40)])
    compute_cost_rollup(root, feature, [of_day(day)])
    verdict = asked(root, feature, "cost_known", day)
    assert verdict.status == "fail"
    assert f"gpt-4o has no known price before 2025-05-22 ({day} is asked)" in verdict.reason


@pytest.mark.fault("cost_known")
def test_a_provider_whose_answers_say_no_tokens_is_not_free(tmp_path: Path) -> None:
    def silent(one: Row, number: int) -> Row:
        return one | {"cost": None}

    root, feature = open_root(tmp_path), assistant()
    verdict = judged(root, feature, "cost_known", change=silent)
    assert verdict.status == "fail"
    assert {finding.call_site for finding in verdict.findings} == {"web", "app"}
    assert "log input_tokens and output_tokens as cost drivers" in verdict.reason


@pytest.mark.fault("cost_known")
def test_it_is_found_in_what_an_application_logged(tmp_path: Path) -> None:
    """From the provider's answer through the client, the segments and the compacted log."""
    own = TokenPrice(model="a-model", since=date(2021, 1, 1), input=2.0, output=8.0)
    feature = with_costs(FEATURE, tokens=(own,), storage_price_per_gb_month=0.0, compute=())
    feature = feature.model_copy(update={"served_by": "provider_api"})
    verdicts = []
    for model in ("a-model", "a-model-that-nobody-priced"):
        world = World(tmp_path / model)
        with world.open_log() as log:
            answer = {"model": model, "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}
            world.write(log, "1", "2", cost=cost_drivers(answer))
        compute_prediction_log(world.root, feature, [moment()])
        compute_cost_rollup(world.root, feature, [moment()])
        verdicts.append(asked(world.root, feature, "cost_known", moment().partition))
    priced, unpriced = verdicts
    assert priced.status == "pass"
    assert priced.observed["total"] == pytest.approx(2 * (1000 * 2e-6 + 100 * 8e-6))
    assert unpriced.status == "fail"
    assert "a-model-that-nobody-priced is in no list of prices" in unpriced.reason


@pytest.mark.fault("cost_reconciled")
@pytest.mark.parametrize(("times", "share"), [(1.5, -0.3333), (0.5, 1.0)])
def test_a_bill_that_differs_is_named_with_its_size(
    tmp_path: Path, times: float, share: float
) -> None:
    root, feature = open_root(tmp_path), assistant(invoice=BILLED)
    bill(root, week_of(7 * A_DAY * times))
    verdict = judged(root, feature, "cost_reconciled", days(7)[-1])
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "cost" and finding.size == pytest.approx(share, abs=1e-3)
    assert f"USD were billed for {DAY} to {days(7)[-1]}" in finding.reason
    assert finding.begin == datetime.fromisoformat(f"{DAY}T00:00:00+00:00")


@pytest.mark.fault("cost_reconciled")
def test_calls_that_were_never_logged_are_seen_on_the_bill(tmp_path: Path) -> None:
    """A script with the same key spends what no rollup knows of: the log alone looks healthy."""
    root, feature = open_root(tmp_path), assistant(invoice=BILLED)
    bill(root, week_of(7 * A_DAY), (*week_of(0)[:2], "2.5000", "USD"))
    assert judged(root, feature, "cost_known").status == "pass"
    verdict = asked(root, feature, "cost_reconciled", days(7)[-1])
    assert verdict.status == "fail" and "3.284 USD were billed" in verdict.reason


@pytest.mark.fault("cost_reconciled")
@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(DAY, "2025-06-09", "1", "USD")], "no span of days from 2025-06-02 on that ended by"),
        ([("2025-06-01", days(7)[5], "1", "USD")], "no span of days from 2025-06-02 on"),
        ([(DAY, days(7)[5], "1", "EUR")], "amounts of two currencies are not compared"),
        ([(DAY, "01.07.2025", "1", "USD")], "row 1, last_day: '01.07.2025' is not a date"),
        ([(DAY, days(7)[2], "one", "USD")], "row 1, amount: 'one' is not a number"),
        ([(days(7)[2], DAY, "1", "USD")], "row 1, last_day: 2025-06-02 is before 2025-06-04"),
        (
            [(DAY, days(7)[2], "1", "USD"), (days(7)[2], days(7)[3], "1", "USD")],
            "overlap: each day is billed once",
        ),
    ],
)
def test_a_bill_that_cannot_be_compared_is_no_evidence(
    tmp_path: Path, rows: list[tuple[str, str, str, str]], why: str
) -> None:
    root, feature = open_root(tmp_path), assistant(invoice=BILLED)
    bill(root, *rows)
    verdict = judged(root, feature, "cost_reconciled", days(7)[-1])
    assert verdict.status == "no_evidence" and why in verdict.reason


@pytest.mark.fault("cost_reconciled")
def test_a_bill_that_no_longer_comes_is_no_evidence(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), assistant(invoice=BILLED)
    verdict = judged(root, feature, "cost_reconciled")
    assert verdict.status == "no_evidence"
    assert "costs.invoice.table: no file matches bills/*.csv" in verdict.reason
    bill(root, week_of(7 * A_DAY))
    assert asked(root, feature, "cost_reconciled", "2025-07-23").status == "pass"
    late = asked(root, feature, "cost_reconciled", "2025-07-24")
    assert late.status == "no_evidence" and "more than 45 days before 2025-07-24" in late.reason


@pytest.mark.fault("cost_reconciled")
def test_days_that_were_not_rolled_up_are_not_taken_for_free(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), assistant(invoice=BILLED)
    bill(root, week_of(6 * A_DAY))
    assert judged(root, feature, "cost_reconciled", days(7)[-1]).status == "fail"
    Path(root.lake.path(feature.name, "cost_rollup", days(7)[3])).unlink()
    verdict = asked(root, feature, "cost_reconciled", days(7)[-1])
    assert verdict.status == "no_evidence" and days(7)[3] in verdict.reason


def test_the_items_of_a_span_are_summed_from_any_table(tmp_path: Path) -> None:
    root = open_root(tmp_path)
    feature = assistant(invoice=Invoice(table="bills/*.parquet"))
    items: Mapping[str, Any] = {
        "first_day": [FIRST, FIRST],
        "last_day": [date(2025, 6, 8)] * 2,
        "amount": [7 * A_DAY - 0.25, 0.25],
        "currency": ["usd", "USD"],
        "item": ["input tokens", "output tokens"],
    }
    (root.folder / "bills").mkdir()
    pq.write_table(pa.table(items), root.folder / "bills" / "june.parquet")
    verdict = judged(root, feature, "cost_reconciled", days(7)[-1])
    assert verdict.status == "pass" and verdict.observed["billed"] == pytest.approx(7 * A_DAY)
