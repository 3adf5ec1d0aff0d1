"""People are told of what they are to answer: over a webhook and a mail server that listen."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.playbook.notifying.notify import notify, notify_test
from ai_ops.storage.signs_of_life import signs_of
from ai_ops_tests.deciding import BACKEND, DEVOPS, FEATURE, SCIENTIST, root_in
from ai_ops_tests.deciding import incident as incident_of_replay
from ai_ops_tests.playbook.notifying.receiving import SECRET, mail_server, webhook
from ai_ops_tests.playbook.notifying.telling_world import (
    DRIFT,
    START,
    happened,
    live_root,
    opened,
    said_of,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.requirement("PB-05", "OW-02")
def test_the_owner_is_told_of_an_incident_once_with_the_command_that_answers_it(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        assert len(notify(root, FEATURE, START + MINUTE)) == 1
        assert notify(root, FEATURE, START + 2 * MINUTE) == []
        [text] = hook.taken
    assert text.startswith(f"[ai-ops] flight_delay: {DRIFT}\n")
    assert "temp moved on 3 of 4 days" in text
    assert f"ai-ops incidents conclude flight_delay {DRIFT}" in text
    assert text.endswith(f"for: {SCIENTIST}")
    [said] = said_of(root)
    assert said == {
        "about": DRIFT,
        "what": "opened, warning",
        "to": [SCIENTIST],
        "channel": "JSON (AI_OPS_NOTIFY)",
        "delivered": True,
        "reason": "it was taken",
    }
    sign = signs_of(root.ledger, FEATURE.name)["notification_channel"]
    assert sign.words == "JSON (AI_OPS_NOTIFY): it was taken"


@pytest.mark.requirement("OW-02", "OW-04")
def test_what_nobody_answers_reaches_the_supporting_roles_and_then_every_owner(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        limit = FEATURE.drift.review_within_days * DAY
        for age in (MINUTE, limit - MINUTE, limit + MINUTE, 2 * limit + MINUTE, 2 * limit + HOUR):
            notify(root, FEATURE, START + age)
        told = [(said["what"], set(said["to"])) for said in said_of(root)]
    assert told == [
        ("opened, warning", {SCIENTIST}),
        ("opened, unanswered, late 1", {SCIENTIST, BACKEND, DEVOPS}),
        ("opened, unanswered, late 2", {SCIENTIST, BACKEND, DEVOPS}),
    ]
    assert "for twice the time it may take" in hook.taken[-1]


@pytest.mark.requirement("OW-02")
def test_a_critical_incident_escalates_within_a_day_and_a_concluded_one_never(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root, "accuracy_drop-1", alert="accuracy_drop", severity="critical")
        notify(root, FEATURE, START + MINUTE)
        notify(root, FEATURE, START + 25 * HOUR)
        assert "late 1" in said_of(root)[-1]["what"]
        happened(
            root,
            "incident_concluded",
            START + 26 * HOUR,
            incident="accuracy_drop-1",
            conclusion="other",
            by=SCIENTIST,
        )
        assert notify(root, FEATURE, START + 60 * HOUR) == []


@pytest.mark.requirement("PB-12")
def test_a_question_is_asked_of_its_owner_and_escalates_when_its_deadline_is_over(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        notify(root, FEATURE, START + MINUTE)
        happened(
            root,
            "incident_asked",
            START + HOUR,
            incident=DRIFT,
            step="feed_mended",
            reason="is the feed mended?",
            domain="prediction_logging",
            due_at=(START + 5 * HOUR).isoformat(),
            command="ai-ops incidents answer flight_delay ID feed_mended --as yes",
            by="ai_ops",
        )
        notify(root, FEATURE, START + 2 * HOUR)
        notify(root, FEATURE, START + 6 * HOUR)
        asked, late = said_of(root)[1:]
        assert asked["to"] == [BACKEND]
        assert "--as yes" in hook.taken[1]
        assert set(late["to"]) == {BACKEND, DEVOPS}
        happened(
            root,
            "incident_answered",
            START + 7 * HOUR,
            incident=DRIFT,
            question="feed_mended",
            answer="yes",
            by=BACKEND,
        )
        assert notify(root, FEATURE, START + 20 * HOUR) == []


def test_a_mail_goes_to_the_people_it_is_for(tmp_path: Path) -> None:
    with mail_server() as (box, url):
        root = live_root(tmp_path, url)
        opened(root, reason="carrier <b>ZZ</b> is new\r\nBcc: evil@example.com")
        notify(root, FEATURE, START + MINUTE)
        notify(root, FEATURE, START + 8 * DAY)
    (first, mail), *later = box.mails
    assert first == [SCIENTIST]
    assert mail["Subject"] == f"[ai-ops] flight_delay: {DRIFT}"
    assert "Bcc" not in mail
    assert [one.get_content_type() for one in mail.walk()] == ["text/plain"], "no markup is read"
    assert {one for to, _ in later for one in to} == {SCIENTIST, BACKEND, DEVOPS}
    assert {said["channel"] for said in said_of(root)} == {"E-Mail (AI_OPS_NOTIFY)"}


def test_a_domain_with_a_channel_of_its_own_is_told_there(tmp_path: Path) -> None:
    with webhook() as everybody, webhook() as own:
        root = live_root(tmp_path, everybody.url, AI_OPS_NOTIFY_DRIFT_MONITORING=own.url)
        opened(root)
        opened(root, "cost_spike-1", alert="cost_spike")
        notify(root, FEATURE, START + MINUTE)
        assert len(own.got) == len(everybody.got) == 1
        assert DRIFT in own.taken[0]
        notify(root, FEATURE, START + 8 * DAY)
        assert any(DRIFT in text for text in everybody.taken), "the supporting roles read there"


@pytest.mark.requirement("OW-02")
def test_an_incident_of_two_kinds_is_told_to_the_owners_of_both_and_again_when_it_is_graver(
    tmp_path: Path,
) -> None:
    with webhook() as hook, webhook() as own:
        root = live_root(tmp_path, hook.url, AI_OPS_NOTIFY_DRIFT_MONITORING=own.url)
        opened(root)
        notify(root, FEATURE, START + MINUTE)
        for alert, severity in (("cost_spike", None), ("accuracy_drop", "critical")):
            joined = {"alert": alert, "item": alert, "begin": "2021-03-05", "reason": "the same"}
            joined |= {"severity": severity} if severity else {}
            happened(
                root, "incident_joined", START + HOUR, incident=DRIFT, columns=[], by="x", **joined
            )
        notify(root, FEATURE, START + 2 * HOUR)
        words = f"{DRIFT} (drift, cost_spike, accuracy_drop; critical)"
        assert sum(words in text for text in own.taken) == 1
        assert sum(words in text for text in hook.taken) == 1, "there the owner of costs reads"
        raised = next(one for one in said_of(root) if one["what"] == "opened, critical")
    assert raised["to"] == [SCIENTIST, DEVOPS]


def test_an_endpoint_that_is_down_is_tried_again_later_and_its_secret_stays_secret(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        port = hook.port
    for minutes in (1, 1.5, 3, 4):
        notify(root, FEATURE, START + minutes * MINUTE)
    tries = said_of(root)
    assert [one["delivered"] for one in tries] == [False, False], "after 1 minute, then after 2"
    assert "Connection error" in tries[0]["reason"]
    assert SECRET not in str(tries)
    with webhook(port) as hook:
        hook.status = 503
        notify(root, FEATURE, START + 6 * MINUTE)
        assert "503" in said_of(root)[-1]["reason"]
        hook.status = 200
        assert notify(root, FEATURE, START + 7 * MINUTE) == [], "it waits four minutes by now"
        notify(root, FEATURE, START + 11 * MINUTE)
        assert len(hook.got) == 1
        assert notify(root, FEATURE, START + 12 * MINUTE) == []
    assert said_of(root)[-1]["delivered"] is True
    folders = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in one for one in folders)


def test_one_channel_that_is_down_does_not_keep_the_other_from_its_news(tmp_path: Path) -> None:
    with webhook() as down:
        gone = down.url
    with webhook() as hook:
        root = live_root(tmp_path, f"{gone} {hook.url}")
        opened(root)
        notify(root, FEATURE, START + MINUTE)
        notify(root, FEATURE, START + 9 * MINUTE)
        assert len(hook.got) == 1, "what arrived is not sent again"
        opened(root, "drift-2", START + 10 * MINUTE)
        notify(root, FEATURE, START + 10 * MINUTE)
        assert len(hook.got) == 2
    names = [(one["channel"], one["delivered"]) for one in said_of(root)]
    assert ("JSON (AI_OPS_NOTIFY, 1)", True) not in names


@pytest.mark.requirement("PB-05")
def test_a_storm_of_incidents_is_a_handful_of_messages_with_every_one_in_them(
    tmp_path: Path,
) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        ids = [f"drift-{number}" for number in range(40)]
        for id in ids:
            opened(root, id)
        opened(root, "accuracy_drop-1", alert="accuracy_drop", severity="critical")
        for minute in range(1, 50):
            notify(root, FEATURE, START + minute * MINUTE)
        assert len(hook.got) == FEATURE.notifications.per_hour
        assert "accuracy_drop-1" in hook.taken[0], "what is critical comes first"
        for id in ids:
            assert sum(f"incident {id} " in text for text in hook.taken) == 1
        opened(root, "drift-late", START + 50 * MINUTE)
        assert notify(root, FEATURE, START + 51 * MINUTE) == [], "the hour has no room"
        notify(root, FEATURE, START + 62 * MINUTE)
        assert "drift-late" in hook.taken[-1]


def test_what_is_not_urgent_waits_for_the_digest_of_the_day(tmp_path: Path) -> None:
    hour = FEATURE.notifications.digest_hour
    morning = (START + DAY).replace(hour=hour, minute=0, second=0, microsecond=0)
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        for number, item in enumerate(("load_tested", "cost_tracked")):
            happened(
                root,
                "waiver",
                START,
                item=item,
                domain="inference_management",
                by=DEVOPS,
                reason="the machine is ordered",
                until=f"{START + (3 + 6 * number) * DAY:%Y-%m-%d}",
            )
        notify(root, FEATURE, morning)
        assert "the waiver of load_tested" in hook.taken[0]
        assert "cost_tracked" not in hook.taken[0], "it is good for longer than a week"
        notify(root, FEATURE, morning + 10 * HOUR)
        notify(root, FEATURE, morning + DAY - HOUR)
        assert len(hook.got) == 1
        for days in (1, 2, 3, 4):
            notify(root, FEATURE, morning + days * DAY)
        texts = "\n".join(hook.taken[1:])
    assert texts.count("ended with") == 1
    assert texts.count("the waiver of cost_tracked") == 1


def test_the_end_of_an_incident_is_told_to_whoever_knew_of_it(tmp_path: Path) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        notify(root, FEATURE, START + MINUTE)
        opened(root, "drift-unheard", START + 2 * MINUTE)
        for id in (DRIFT, "drift-unheard"):
            happened(root, "incident_resolved", START + 3 * MINUTE, incident=id, by="ai_ops")
        notify(root, FEATURE, START + 2 * DAY)
        assert "is resolved" in hook.taken[-1]
        assert not any("unheard" in text for text in hook.taken)


def test_an_incident_that_is_open_again_is_told_again(tmp_path: Path) -> None:
    with webhook() as hook:
        root = live_root(tmp_path, hook.url)
        opened(root)
        notify(root, FEATURE, START + MINUTE)
        happened(root, "incident_resolved", START + HOUR, incident=DRIFT, by=SCIENTIST)
        happened(root, "incident_reopened", START + DAY, incident=DRIFT, reason="again", by="x")
        notify(root, FEATURE, START + DAY + MINUTE)
        assert "is open again" in hook.taken[-1]


def test_a_trial_goes_over_every_channel_and_nothing_leaves_a_replay(tmp_path: Path) -> None:
    with webhook() as hook, mail_server() as (box, url):
        root = live_root(tmp_path / "live", hook.url, AI_OPS_NOTIFY_DRIFT_MONITORING=url)
        assert all(one.payload["delivered"] for one in notify_test(root, FEATURE, START))
        assert len(hook.got) == 1
        assert sorted(to[0] for to, _ in box.mails) == sorted({BACKEND, SCIENTIST, DEVOPS})
        replay = root_in(tmp_path / "replay")
        replay.environment["AI_OPS_NOTIFY"] = hook.url  # type: ignore[index]
        incident_of_replay(replay)
        assert notify(replay, FEATURE, replay.clock.now()) == []
        assert len(hook.got) == 1
    assert notify_test(live_root(tmp_path / "silent"), FEATURE, START) == []
