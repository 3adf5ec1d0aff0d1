"""An alert that reaches nobody is a finding of its own: the real sensor, and a webhook that is
down, gone, mistyped, and back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.ai_features.applying import judged_of
from ai_ops.checklist.evidence import ALERTING
from ai_ops.checklist.reading import last_whole_week, read_item
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.playbook.notifying.checks import ALERTS_DELIVERED
from ai_ops.playbook.notifying.judging import judge_alerts_delivered
from ai_ops.playbook.notifying.notify import notify, notify_test
from ai_ops.playbook.notifying.sensors import sensors
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import forget_after
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import FEATURE
from ai_ops_tests.orchestration.ticking import Ticking
from ai_ops_tests.playbook.notifying.receiving import SECRET, Webhook, webhook
from ai_ops_tests.playbook.notifying.telling_world import DRIFT, START, live_root, opened, said_of

NOW = datetime.now(UTC)
CHECK = "alerts_delivered"
REVIEWED = WEEKLY[0]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as listening:
        yield listening


@pytest.fixture
def ticking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticking]:
    """The sensor on a live root; channels are set by the test, as a process's environment."""
    monkeypatch.delenv("AI_OPS_NOTIFY", raising=False)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(sensors(FEATURE)[0], live_root(tmp_path / "root"), instance)


def last(root: Root) -> Verdict:
    return root.ledger.history(FEATURE.name, CHECK)[-1].verdict


def drift_judged(root: Root) -> None:
    """A week on whose every day drift was judged and none was found."""
    week = last_whole_week(NOW)
    found = [
        RecordedVerdict(
            FEATURE.name,
            item,
            "drift_report",
            day,
            Window.of_day(day),
            Window.of_day(day).end,
            Verdict.passing("no column moved", sample_size=900),
        )
        for item in judged_of(ALERTING, FEATURE)
        for day in week.days()
    ]
    root.ledger.record_verdicts(found, clock=root.clock)


def reviewed(root: Root) -> Verdict:
    forget_after(root, START)  # the sensor was ticked by hand: there is no daemon
    return read_item(root, FEATURE, REVIEWED, last_whole_week(NOW), datetime.now(UTC)).verdict


def test_alerts_that_arrive_are_green(
    ticking: Ticking, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_OPS_NOTIFY", hook.url)
    opened(ticking.root, at=NOW - timedelta(minutes=2))
    drift_judged(ticking.root)
    ticking.tick()
    assert last(ticking.root).status == "pass"
    assert [one.passed for one in ticking.evaluations] == [True]
    assert len(hook.got) == 1
    ticking.tick()
    assert len(hook.got) == len(ticking.evaluations) == 1
    assert reviewed(ticking.root).status == "pass"


@pytest.mark.fault("alerts_delivered")
@pytest.mark.requirement("PB-05", "WK-01")
def test_a_webhook_that_is_down_is_red_until_it_is_back(
    ticking: Ticking, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_OPS_NOTIFY", hook.url)
    hook.status = 503
    opened(ticking.root, at=NOW - timedelta(minutes=2))
    drift_judged(ticking.root)
    ticking.tick()
    verdict = last(ticking.root)
    assert verdict.status == "fail"
    assert DRIFT in verdict.reason
    assert "503" in verdict.reason
    assert SECRET not in str(verdict)
    item = reviewed(ticking.root)
    assert item.status == "no_evidence"
    assert "JSON (AI_OPS_NOTIFY)" in item.reason
    hook.status = 200
    later = datetime.now(UTC) + timedelta(minutes=2)
    root = Root.open(ticking.root.folder, {"AI_OPS_NOTIFY": hook.url})
    monkeypatch.setattr(type(root.clock), "now", lambda _: later)
    notify(root, FEATURE, later)
    ticking.tick()
    assert last(ticking.root).status == "pass"
    assert len(hook.got) == 1


@pytest.mark.fault("alerts_delivered")
@pytest.mark.requirement("PB-05", "WK-01")
def test_an_incident_without_a_channel_turns_the_review_of_drift_and_names_what_to_set(
    ticking: Ticking,
) -> None:
    drift_judged(ticking.root)
    assert reviewed(ticking.root).status == "pass", "without an incident there is nothing to tell"
    opened(ticking.root, at=NOW - timedelta(minutes=2))
    assert "was never judged" in reviewed(ticking.root).reason
    ticking.tick()
    verdict, item = last(ticking.root), reviewed(ticking.root)
    assert verdict.status == item.status == "no_evidence"
    for words in ("AI_OPS_NOTIFY or AI_OPS_NOTIFY_DRIFT_MONITORING", DRIFT):
        assert words in verdict.reason
        assert words in item.reason
    assert said_of(ticking.root) == []


@pytest.mark.fault("alerts_delivered")
def test_a_mistyped_channel_is_named_without_its_secret_and_the_others_are_used(
    ticking: Ticking, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_OPS_NOTIFY", f"jsn://{SECRET}@example.com {hook.url}")
    opened(ticking.root, at=NOW - timedelta(minutes=2))
    ticking.tick()
    verdict = last(ticking.root)
    assert len(hook.got) == 1
    assert verdict.status == "no_evidence"
    assert verdict.reason == (
        "AI_OPS_NOTIFY, 1: jsn://… is no URL that apprise can send to; mend it"
    )


@pytest.mark.fault("alerts_delivered")
def test_a_sensor_that_does_not_tick_leaves_people_untold_and_that_is_seen(
    tmp_path: Path, hook: Webhook
) -> None:
    root = live_root(tmp_path, hook.url)
    opened(root, at=NOW - timedelta(hours=3))
    verdict = judge_alerts_delivered(root, FEATURE, datetime.now(UTC))
    assert verdict.status == "no_evidence"
    assert f"nobody was told of {DRIFT}" in verdict.reason
    assert "whether the sensor of notifications ticks" in verdict.reason


def test_that_a_channel_works_is_not_known_before_anything_went_over_it(
    tmp_path: Path, hook: Webhook
) -> None:
    root = live_root(tmp_path, hook.url)
    verdict = judge_alerts_delivered(root, FEATURE, NOW)
    assert verdict.status == "no_evidence"
    assert "ai-ops notifications test" in verdict.reason
    notify_test(root, FEATURE, NOW)
    assert judge_alerts_delivered(root, FEATURE, datetime.now(UTC)).status == "pass"
    assert ALERTS_DELIVERED.rhythm is None


@pytest.mark.fault("alerts_delivered")
def test_a_channel_that_is_named_no_more_is_replaced_by_the_one_that_is(
    tmp_path: Path, hook: Webhook
) -> None:
    root = live_root(tmp_path, hook.url)
    hook.status = 500
    opened(root, at=NOW - timedelta(minutes=5))
    notify(root, FEATURE, NOW - timedelta(minutes=4))
    assert judge_alerts_delivered(root, FEATURE, datetime.now(UTC)).status == "fail"
    with webhook() as other:
        moved = Root.open(tmp_path, {"AI_OPS_NOTIFY_DRIFT_MONITORING": other.url})
        verdict = judge_alerts_delivered(moved, FEATURE, NOW + timedelta(hours=3))
        assert verdict.status == "no_evidence", "nobody knows of it yet"
        notify(moved, FEATURE, datetime.now(UTC))
        assert judge_alerts_delivered(moved, FEATURE, datetime.now(UTC)).status == "pass"
        assert len(other.got) == 1


def test_that_a_message_arrived_long_ago_says_nothing_of_the_next(
    tmp_path: Path, hook: Webhook
) -> None:
    root = live_root(tmp_path, hook.url)
    notify_test(root, FEATURE, START)
    verdict = judge_alerts_delivered(root, FEATURE, START + timedelta(days=100))
    assert verdict.status == "no_evidence"
    assert verdict.reason.startswith(f"nothing arrived since {START:%Y-%m-%d}, so that")
