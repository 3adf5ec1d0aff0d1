"""Channels are named without their secrets, whatever is wrong with them."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.playbook.notifying.channels import channels_of, scrubbed
from ai_ops.playbook.notifying.sending import send

secrets = st.text(string.ascii_letters + string.digits + "-_.%", min_size=6, max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["json", "jsn", "slack", "mailto", "discord", "https", "foo", "tgram"]),
    secrets,
    secrets,
    st.sampled_from(
        ["{0}://{1}:{2}@example.com", "{0}://{1}/{2}", "{0}://example.com/{1}?x={2}", "{1}{2}"]
    ),
)
def test_no_part_of_a_url_is_shown_that_may_be_a_secret(
    scheme: str, one: str, other: str, form: str
) -> None:
    url = form.format(scheme, one, other)
    channels = channels_of({"AI_OPS_NOTIFY": url})
    shown = f"{channels.problems} {channels.every}"
    assert one not in shown
    assert other not in shown
    assert (len(channels.problems), len(channels.every)) in ((0, 1), (1, 0))


@given(secrets, st.text(max_size=20))
def test_what_a_service_says_of_itself_is_scrubbed(secret: str, words: str) -> None:
    url = f"json://me:{secret}@example.com/{secret}"
    assert secret not in scrubbed(f"{words} {secret} {words}", url)


def test_channels_stand_by_domain_and_several_apart_by_spaces() -> None:
    channels = channels_of(
        {
            "AI_OPS_NOTIFY": "json://a.example.com  json://b.example.com",
            "AI_OPS_NOTIFY_INFERENCE_MANAGEMENT": "xml://c.example.com",
            "AI_OPS_NOTIFY_RETRAINING_PIPELINE": "",
            "OTHER": "json://d.example.com",
        }
    )
    names = [one.name for one in channels.of("drift_monitoring")]
    assert names == ["JSON (AI_OPS_NOTIFY, 1)", "JSON (AI_OPS_NOTIFY, 2)"]
    assert [one.name for one in channels.of("inference_management")] == [
        "XML (AI_OPS_NOTIFY_INFERENCE_MANAGEMENT)"
    ]
    assert channels.of("retraining_pipeline") == channels.of("drift_monitoring")
    assert len(channels.every) == 3
    assert channels_of({}).every == ()


def test_a_service_that_raises_is_a_delivery_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    def breaks(*_: object, **__: object) -> bool:
        raise RuntimeError("the key s3cr3t-t0ken is wrong")

    monkeypatch.setattr(apprise.Apprise, "notify", breaks)
    [channel] = channels_of({"AI_OPS_NOTIFY": "json://example.com/s3cr3t-t0ken"}).every
    delivery = send(channel, "title", "body", ("a@b.c",))
    assert not delivery.delivered
    assert delivery.reason == "RuntimeError: the key … is wrong"
