"""What a person sees: lineage by domain with owners, the checklist's checks, the drift picture."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS
from ai_ops_tests.replayed import Replayed

pytestmark = pytest.mark.chromium

DOMAINS = (
    "prediction_logging",
    "drift_monitoring",
    "accuracy_evaluation",
    "retraining_pipeline",
    "inference_management",
    "checklist",
)


@pytest.mark.requirement("ST-01", "OW-12")
def test_the_lineage_is_grouped_by_domain(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/asset-groups", wait_until="domcontentloaded")
    for domain in DOMAINS:
        expect(page.get_by_text(domain, exact=True).first).to_be_visible()


@pytest.mark.requirement("OW-01", "OW-12")
def test_an_asset_shows_its_description_and_its_owner(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/flight_delay/drift_report", wait_until="domcontentloaded")
    expect(page.get_by_text("How far inputs and outputs").first).to_be_visible()
    expect(page.get_by_text("data-science@example.com").first).to_be_visible()


@pytest.mark.requirement("WK-01", "WK-04", "WK-07", "WK-09")
def test_the_weekly_checklist_shows_its_four_items_with_reason_and_owner(
    page: Page, webserver: str, replayed: Replayed
) -> None:
    address = f"{webserver}/assets/flight_delay/weekly_checklist?view=checks"
    page.goto(address, wait_until="domcontentloaded")
    for item in ("drift_reviewed", "cost_trend_checked", "retraining_verified", "logs_written"):
        expect(page.get_by_text(item, exact=True).first).to_be_visible()
    page.get_by_text("retraining_verified", exact=True).first.click()
    latest = replayed.root.ledger.verdicts("flight_delay", items=["retraining_verified"])[-1]
    expect(page.get_by_text(latest.verdict.reason[:40]).first).to_be_visible()
    expect(page.get_by_text("backend@example.com").first).to_be_visible()
    expect(page.get_by_text(latest.verdict.status, exact=True).first).to_be_visible()


@pytest.mark.requirement("FQ-07", "PL-20")
def test_the_drift_picture_can_be_opened(page: Page, webserver: str, replayed: Replayed) -> None:
    day = replayed.end - timedelta(days=1)
    address = f"{webserver}/assets/flight_delay/drift_report?view=partitions&partition={day}"
    page.goto(address, wait_until="domcontentloaded")
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.locator("img[src^='data:image/png']").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 300")


@pytest.mark.requirement("PL-01", "PL-20", "PL-21", "OW-01")
def test_the_pre_launch_checklist_shows_six_items_and_who_waived_which(
    page: Page, webserver: str
) -> None:
    address = f"{webserver}/assets/flight_delay/pre_launch_checklist?view=checks"
    page.goto(address, wait_until="domcontentloaded")
    for item in PRE_LAUNCH_ITEMS:
        expect(page.get_by_text(item, exact=True).first).to_be_visible()
    page.get_by_text("load_tested", exact=True).first.click()
    expect(page.get_by_text("waived by devops@example.com until").first).to_be_visible()


@pytest.mark.requirement("PL-17", "PL-18", "PB-15")
def test_the_lineage_leads_from_the_data_to_the_version_in_production(
    page: Page, webserver: str
) -> None:
    lineage = "view=lineage&lineageScope=upstream&lineageDepth=4"
    page.goto(
        f"{webserver}/assets/flight_delay/candidate_evaluation?{lineage}",
        wait_until="domcontentloaded",
    )
    for asset in ("prediction_log", "ground_truth", "training_set", "candidate_model"):
        expect(page.get_by_text(asset, exact=True).first).to_be_visible()
    page.goto(f"{webserver}/assets/flight_delay/model_versions", wait_until="domcontentloaded")
    expect(page.get_by_text("promoted_at", exact=True).first).to_be_visible()


@pytest.mark.requirement("PB-34", "OW-07")
def test_the_jobs_that_need_a_person_say_what_they_take(page: Page, webserver: str) -> None:
    for job in ("decide", "roll_back"):
        page.goto(
            f"{webserver}/locations/ai_ops/jobs/flight_delay__{job}", wait_until="domcontentloaded"
        )
        expect(page.get_by_text("ai-ops sign").first).to_be_visible()
