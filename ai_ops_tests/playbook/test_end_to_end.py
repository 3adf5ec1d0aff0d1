"""The four playbooks from the fault to the end of their incident, under a real Dagster daemon.

A small feature was launched and its first week was calm. Then one thing after the other befalls
it. Nobody starts a job: the daemon's sensors do; a person types what a person must.
"""

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.words import AlertKind, EventKind
from ai_ops_tests.browser.looking import browsing, picture, webserver_of
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.orchestration.daemon_world import (
    BACKEND,
    DEVOPS,
    MONDAY,
    SCIENTIST,
    daemon,
    wait_for,
)
from ai_ops_tests.playbook import story_trainer
from ai_ops_tests.playbook.story_world import WEEK, Story, broken_feed, build, one_by_one


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A feature in production, watched by a daemon; at the end, how fast it was answered."""
    story = build(tmp_path_factory.mktemp("story") / "installation")
    with daemon(story):
        yield story
    print("\n" + "\n".join(story.told))


@pytest.fixture(autouse=True)
def measured(story: Story, record_property: Callable[[str, object], None]) -> Iterator[None]:
    """What a test measured stands in the report of the suite, too."""
    before = len(story.told)
    yield
    for words in story.told[before:]:
        record_property("measured", words)


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def morning(day: date) -> datetime:
    """The clock when the day before was judged."""
    return utc(f"{day}T10:00:00Z")


def answered(story: Story, alert: AlertKind, landed: float) -> Incident:
    """The incident of a kind that opens, when its evidence is there and a person is asked what it
    is; how long both took is told."""
    found = wait_for(f"an incident: {alert}", lambda: unresolved(story, alert), story)
    story.tell(f"{alert}: from the fault's first row to its incident {_since(landed)}")
    found = asked(story, found, "what_is_it")
    story.tell(f"{alert}: from the fault's first row to its evidence and question {_since(landed)}")
    return found


def _since(landed: float) -> str:
    return f"{time.monotonic() - landed:.1f} s"


def unresolved(story: Story, alert: AlertKind) -> Incident | None:
    found = story.incident(alert)
    return found if found is not None and found.state != "resolved" else None


def asked(story: Story, incident: Incident, step: str) -> Incident:
    """The incident when its playbook asks this of a person."""
    return when(story, incident, lambda now: now.question(step) is not None, f"asks {step}")


def stepped(story: Story, incident: Incident, *steps: str) -> Incident:
    """The incident when these steps of its playbook were taken."""
    words = ", ".join(steps)
    return when(story, incident, lambda now: set(steps) <= set(now.step_names), words)


def resolved(story: Story, incident: Incident) -> Incident:
    return when(story, incident, lambda now: now.state == "resolved", "resolved")


def when(
    story: Story, incident: Incident, is_so: Callable[[Incident], bool], words: str
) -> Incident:
    def seen() -> Incident | None:
        now = story.standing.incident(incident.id)
        return now if now is not None and is_so(now) else None

    return wait_for(f"{incident.id}: {words}", seen, story)


def conclude(story: Story, incident: Incident, conclusion: str, note: str, by: str) -> None:
    said = ("--as", conclusion, "--note", note, "--by", by)
    story.command("incidents", "conclude", NAME, incident.id, *said)


def tells(story: Story, incident: Incident, *kinds: EventKind) -> None:
    """The ledger tells of the incident in this order, whatever else it tells between."""
    told = [one.kind for one in story.events(incident.id)]
    rest = iter(told)
    assert all(kind in rest for kind in kinds), told
    assert story.root.ledger.verify()


@pytest.mark.requirement("PB-10", "PB-11", "PB-12", "PB-13", "PB-16")
def test_drift_of_a_broken_feed_is_sampled_explained_concluded_and_mended(story: Story) -> None:
    monday = MONDAY + WEEK
    broken, friday = monday + timedelta(days=3), monday + timedelta(days=5)
    landed = story.happens(days(monday, 5), morning(friday), broken_feed(broken))
    incident = answered(story, "drift", landed)
    assert (incident.cause, incident.since) == ("bad_data", str(broken))
    assert {"retraining_paused", "sample_pulled", "cause_told"} <= set(incident.step_names)
    rows, _ = story.root.lake.read_table(f"{story.root.lake.url}/{incident.sample}")
    assert {"aue", "Aue"} <= set(rows["input_city"].to_pylist()), "beside rows of the reference"
    assert incident.forbids_promotion
    conclude(story, incident, "bad_data", "the feed changed its spelling", SCIENTIST)
    asked(story, incident, "feed_mended")
    mended = ("feed_mended", "--as", "yes", "--note", "spelt as before", "--by", BACKEND)
    story.command("incidents", "answer", NAME, incident.id, *mended)
    assert story.standing.retrainings == (), "of bad days nothing is learnt"
    story.happens(days(friday, 2), morning(monday + WEEK))
    over = resolved(story, incident)
    assert (over.conclusion, over.pending) == ("bad_data", ())
    tells(
        story,
        over,
        "incident_opened",
        "incident_step",
        "incident_asked",
        "incident_concluded",
        "incident_asked",
        "incident_answered",
        "incident_resolved",
    )


@pytest.mark.requirement("PB-20", "PB-21", "PB-22", "PB-23", "OW-10")
def test_a_call_site_that_asks_one_by_one_is_named_and_its_owner_decides(story: Story) -> None:
    monday = MONDAY + 2 * WEEK
    landed = story.happens(days(monday, 7), morning(monday + WEEK), one_by_one)
    incident = answered(story, "cost_spike", landed)
    words = {one.step: one.words for one in incident.taken}
    assert "call site app" in words["source_named"]
    assert {"batches_looked_at", "model_size_looked_at", "repeats_looked_at"} <= words.keys()
    question = asked(story, incident, "call_site_decided").question("call_site_decided")
    assert question is not None and "call site app" in question.words
    why = ("--reason", "nobody waits for it", "--by", BACKEND)
    story.command("call-sites", "sign", NAME, "app", "--as", "batch", *why)
    conclude(story, incident, "other", "the app lost its queue; mended", DEVOPS)
    incident = stepped(story, incident, "call_site_decided")
    assert incident.pending == ()
    assert [one.mode for one in story.standing.call_site_modes] == ["batch"]


@pytest.mark.chromium
@pytest.mark.requirement("PB-02", "OW-01")
def test_the_steps_of_an_open_incident_are_read_in_the_ui(story: Story) -> None:
    """Its job is found by name, launched as it is, and shows who decided what on which evidence."""
    with webserver_of(story.root, *story.location) as address, browsing() as page:
        job = f"{address}/locations/location.py/jobs/{NAME}__answer_incident"
        page.goto(job, wait_until="domcontentloaded")
        expect(page.get_by_text("Take the steps of an incident's playbook").first).to_be_visible()
        expect(page.get_by_text(BACKEND).first).to_be_visible()
        page.goto(f"{job}/playground", wait_until="domcontentloaded")
        page.get_by_role("button", name="Launch Run").click()
        expect(page.get_by_text("Success", exact=True).first).to_be_visible()
        page.reload(wait_until="domcontentloaded")  # what a run's page follows, it follows late
        page.get_by_text("View full message").last.click()
        for words in ("source named", "call site decided", f"{DEVOPS}: other"):
            expect(page.get_by_text(words).first).to_be_visible()
        picture(page, "incident")


@pytest.mark.requirement("PB-40", "PB-41", "PB-42", "PB-43", "PB-44", "PB-02")
def test_a_retraining_that_breaks_is_explained_and_goes_on_when_it_is_mended(story: Story) -> None:
    """The world turned, the model is worse, and the retraining that answers it lacks its archive.

    Beside it a week like those before ends the incident of cost."""
    monday = story_trainer.SHIFTED
    archive = story.root.folder / story_trainer.ARCHIVE
    archive.rename(archive.with_suffix(".away"))
    landed = story.happens(days(monday, 7), morning(monday + WEEK))
    answered(story, "accuracy_drop", landed)
    broke = answered(story, "pipeline_failure", landed)
    assert "archive of parcels is not there" in broke.reason
    words = {one.step: one.words for one in broke.taken}
    assert "data pull" in words["failed_step_named"]
    assert "archive of parcels is not there" in words["log_read"]
    assert "version 1" in words["staleness_guarded"]
    archive.with_suffix(".away").rename(archive)
    conclude(story, broke, "other", "the archive was not mounted", BACKEND)
    asked(story, broke, "triggered_again")
    story.later(hours=1)
    told = story.command("retrain", NAME, "--from-failure", "--wait")
    assert "the gate passed version 2" in told
    over = resolved(story, broke)
    assert over.pending == ()
    tells(story, over, "incident_opened", "incident_step", "incident_asked", "incident_resolved")
    cost = story.incident("cost_spike")
    assert cost is not None
    tells(
        story, resolved(story, cost), "incident_opened", "incident_concluded", "incident_resolved"
    )


@pytest.mark.requirement("PB-30", "PB-31", "PB-32", "PB-33", "PB-34", "OW-07")
def test_a_model_that_is_worse_is_measured_anew_retrained_judged_and_replaced(
    story: Story,
) -> None:
    worse = unresolved(story, "accuracy_drop")
    assert worse is not None and worse.forbids_promotion
    worse = stepped(story, worse, "evaluated_again", "gap_confirmed", "judged_by_gate")
    assert "the gap is confirmed" in " ".join(worse.steps)
    conclude(story, worse, "genuine_shift", "express parcels are on time now", SCIENTIST)
    asked(story, worse, "candidate_decided")
    assert story.standing.live == "1", "what nobody approved serves nobody"
    why = ("--reason", "it knows express parcels", "--by", SCIENTIST)
    story.command("approve", NAME, "--version", "2", *why)
    wait_for("the promotion", lambda: story.standing.live == "2", story)
    story.later(hours=1)
    over = resolved(story, worse)
    assert story.standing.live == story.root.registry.champion(NAME) == "2"
    assert over.conclusion == "genuine_shift"
    shown = story.shown("incidents", "show", NAME, worse.id)
    assert shown["state"] == "resolved"
    tells(story, over, "incident_opened", "incident_asked", "incident_concluded")
