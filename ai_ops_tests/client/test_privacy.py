"""The privacy policy: no ruled value is ever written, whatever goes wrong."""

import hashlib
import hmac
import json
import logging
import re
import sys
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_ops.client import Keys, Policy, Prediction, PredictionLog, logged, opened
from ai_ops.client.keys import ENCRYPT_KEY, HASH_KEY, keys_from
from ai_ops.client.lines import encode, read_line
from ai_ops.client.privacy import Protector
from ai_ops.client.records import CloseRecord, HeartbeatRecord
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import FieldRule
from ai_ops_tests.client.reading import bytes_of, written

KEY = hashlib.sha256(b"hash").digest()
KEYS = Keys(hash=KEY, encrypt={"2021b": hashlib.sha256(b"encrypt").digest()})
RULES: dict[str, FieldRule] = {
    "name": "hash",
    "iban": "encrypt",
    "note": "drop",
    "amount": "keep",
    "subject": "hash",
    "tenant": "encrypt",
}
POLICY = Policy(feature="tiny", fields=RULES)
PROTECTOR = Protector(POLICY, KEYS)


def prediction(**told: Any) -> Prediction:
    return Prediction(**{"id": "a", "model_version": "1", "input": {}, **told})


def test_each_field_is_kept_dropped_hashed_or_encrypted() -> None:
    told = PROTECTOR.protect(
        prediction(
            input={"name": "Ada", "iban": {"n": 17}, "note": "x", "amount": 1.5, "city": "Ulm"},
            output={"note": "y", "amount": 2},
            subject="u1",
            tenant="acme",
            status="failed",
            error="ValueError: no such name: Ada",
        )
    )
    assert set(told.input) == {"name", "iban", "amount", "city"}
    assert told.input["name"] == "hmac:" + hmac.new(KEY, b"Ada", "sha256").hexdigest()
    assert re.fullmatch(r"enc:1:2021b:[A-Za-z0-9_-]+", told.input["iban"])
    assert opened(told.input["iban"], KEYS) == {"n": 17}
    assert (told.input["amount"], told.input["city"], told.output) == (1.5, "Ulm", {"amount": 2})
    assert told.subject == "hmac:" + hmac.new(KEY, b"u1", "sha256").hexdigest()
    assert opened(str(told.tenant), KEYS) == "acme"
    assert told.error == "ValueError: withheld by the privacy policy"
    assert (told.id, told.status, told.withheld) == ("a", "failed", None)


def test_equal_values_have_equal_hashes_and_unequal_ciphers() -> None:
    first, second = (PROTECTOR.protect(prediction(input={"name": 7, "iban": 7})) for _ in range(2))
    assert first.input["name"] == second.input["name"]
    assert first.input["iban"] != second.input["iban"]
    assert first.input["name"] == "hmac:" + hmac.new(KEY, b"7", "sha256").hexdigest()


def test_a_rule_reaches_every_depth_and_whatever_object_holds_the_field() -> None:
    @dataclass
    class Person:
        name: str

    class Account(msgspec.Struct):
        note: str
        amount: float

    told = PROTECTOR.protect(
        prediction(
            input={
                "rows": [{"name": "Ada"}, [{"note": "x"}]],
                "who": Person("Ada"),
                "account": Account("secret", 2.0),
                "raw": msgspec.Raw(b'{"\\u006eame": "Ada"}'),
            },
            cost={"note": "secret", "tokens": 5},
        )
    )
    assert b"Ada" not in encode(told) and b"secret" not in encode(told)
    assert told.input["account"] == {"amount": 2.0}
    assert told.cost == {"tokens": 5}


def test_what_is_absent_stays_absent() -> None:
    told = PROTECTOR.protect(prediction(input={"name": None, "iban": None, "note": None}))
    assert told.input == {"name": None, "iban": None}
    assert (told.subject, told.tenant, told.output) == (None, None, None)


SECRET = st.one_of(
    st.uuids().map(str),
    st.integers(10**12, 10**18),
    st.floats(1e6, 1e12, allow_subnormal=False).map(lambda x: x + 0.123),
    st.lists(st.uuids().map(str), min_size=1, max_size=3),
    st.dictionaries(st.uuids().map(str), st.uuids().map(str), min_size=1, max_size=3),
)
RULED = st.sampled_from([name for name, rule in RULES.items() if rule != "keep"])
PAYLOAD = st.recursive(
    st.dictionaries(RULED, SECRET, max_size=4),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["rows", "amount", "who"]), inner, max_size=3),
        st.dictionaries(st.just("rows"), st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)


def values_of(payload: Any, ruled: bool = False) -> list[str]:
    """The text of every value below a ruled name."""
    if isinstance(payload, dict):
        return [
            text
            for name, value in payload.items()
            for text in [
                *([name] if ruled else []),
                *values_of(value, ruled or RULES.get(name, "keep") != "keep"),
            ]
        ]
    if isinstance(payload, list):
        return [text for value in payload for text in values_of(value, ruled)]
    return [json.dumps(payload).strip('"')] if ruled else []


@pytest.fixture(scope="module")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("private")


BROKEN = st.sampled_from(
    [None, "no keys", "a list", "a text", "an object", "torn JSON", "a redactor that fails"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(PAYLOAD, PAYLOAD, SECRET.map(str), SECRET.map(str), BROKEN)
def test_no_ruled_value_is_ever_written(
    log_folder: Path, input: Any, output: Any, subject: str, tenant: str, broken: str | None
) -> None:
    secrets = [*values_of(input), *values_of(output), subject, tenant]
    error = f"KeyError: {' '.join(secrets)}"
    asked: Any = {
        "a list": [input],
        "a text": json.dumps(input),
        "an object": {**input, "who": object()},
        "torn JSON": msgspec.Raw(json.dumps(input).encode()[:-1] + b'"'),
    }.get(str(broken), input)
    folder = log_folder / uuid4().hex
    keys = Keys() if broken == "no keys" else KEYS
    with PredictionLog(folder, "tiny", "w", policy=POLICY, keys=keys) as log:
        if broken == "a redactor that fails":

            def fails(value: Any) -> str:
                raise RuntimeError(f"cannot hash {value}")

            log._protector._hashed = fails  # type: ignore[union-attr, method-assign]
        told = prediction(
            input=asked, output=output, subject=subject, tenant=tenant, error=error, status="failed"
        )
        assert log.record_many([told])
    content = bytes_of(folder).decode()
    assert [secret for secret in secrets if secret in content] == []
    (kept,) = written(folder)
    assert (kept.id, kept.model_version, kept.status) == ("a", "1", "failed")
    if broken:
        assert (kept.input, kept.output, kept.subject, kept.tenant) == (None,) * 4
        assert kept.withheld
    else:
        assert kept.withheld is None
        assert kept.input is not None


@pytest.mark.parametrize(
    ("told", "fields", "keys", "why"),
    [
        ({"name": "Ada"}, {"name": "hash"}, Keys(), f"no key to hash with: {HASH_KEY} is not set"),
        ({}, {"name": "encrypt"}, Keys(hash=KEY), f"no key to encrypt with: {ENCRYPT_KEY} is not"),
        ("Ada", {"name": "drop"}, Keys(), "input is not a mapping, so its fields cannot be told"),
        ([{"x": 1}], {"name": "drop"}, Keys(), "input is not a mapping"),
        ({"who": object()}, {"name": "drop"}, Keys(), "not protected (TypeError)"),
        (msgspec.Raw(b"{"), {"name": "drop"}, Keys(), "not protected (DecodeError)"),
    ],
)
def test_what_cannot_be_protected_is_counted_and_says_why(
    tmp_path: Path, told: Any, fields: dict[str, FieldRule], keys: Keys, why: str
) -> None:
    policy = Policy(feature="tiny", fields=fields, heartbeat_seconds=0.05, on_log_failure="refuse")
    with PredictionLog(tmp_path, "tiny", "w", policy=policy, keys=keys) as log:
        assert log.record(id="a", model_version="1", input=told, cost={"tokens": 3})
        assert log.failures == 0
    (kept,) = written(tmp_path)
    assert (kept.input, kept.output, json.loads(bytes(kept.cost))) == (None, None, {"tokens": 3})
    assert kept.withheld.startswith(why)
    lines = bytes_of(tmp_path).splitlines(keepends=True)
    counts = [r.withheld for r in map(read_line, lines) if isinstance(r, CloseRecord)]
    assert counts == [1]


def test_heartbeats_count_what_was_withheld(tmp_path: Path) -> None:
    policy = Policy(feature="tiny", fields={"name": "hash"}, heartbeat_seconds=1e-6)
    with PredictionLog(tmp_path, "tiny", "w", policy=policy, keys=Keys()) as log:
        for number in range(3):
            log.record(id=str(number), model_version="1", input={})
    told = map(read_line, bytes_of(tmp_path).splitlines(keepends=True))
    counts = [record.withheld for record in told if isinstance(record, HeartbeatRecord)]
    assert set(counts) >= {0, 1, 2}


def test_only_subject_and_tenant_ruled_leaves_payloads_of_every_kind() -> None:
    policy = Policy(feature="tiny", fields={"subject": "hash", "tenant": "drop"})
    told = Protector(policy, KEYS).protect(prediction(input="a text", output=[1], tenant="acme"))
    assert (told.input, told.output, told.tenant, told.withheld) == ("a text", [1], None, None)


def test_a_policy_that_keeps_everything_costs_nothing(tmp_path: Path) -> None:
    assert Protector.of(Policy(feature="tiny", fields={"name": "keep"})) is None
    with PredictionLog(tmp_path, "tiny", "w", policy=Policy(feature="tiny")) as log:
        assert log._protector is None


def test_without_cryptography_nothing_is_written_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with caplog.at_level(logging.ERROR):
        protector = Protector(POLICY, KEYS)
    told = protector.protect(prediction(input={"amount": 1}))
    assert (told.input, told.withheld) == (None, "cryptography is not installed")
    assert "no payload is written: cryptography is not installed" in caplog.text


def test_the_keys_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (b64encode(hashlib.sha256(name).digest()).decode() for name in (b"old", b"new"))
    monkeypatch.setenv(HASH_KEY, b64encode(KEY).decode())
    monkeypatch.setenv(ENCRYPT_KEY, f"2021b:{new}, 2021a:{old}")
    with PredictionLog(tmp_path, "tiny", "w", policy=POLICY) as log:
        log.record(id="a", model_version="1", input={"name": "Ada", "iban": "DE1"})
    (kept,) = written(tmp_path)
    assert kept.input["name"] == "hmac:" + hmac.new(KEY, b"Ada", "sha256").hexdigest()
    assert kept.input["iban"].startswith("enc:1:2021b:")
    before = Protector(POLICY, Keys(hash=KEY, encrypt={"2021a": hashlib.sha256(b"old").digest()}))
    sealed = before.protect(prediction(input={"iban": "DE0"})).input["iban"]
    keys = keys_from({ENCRYPT_KEY: f"2021b:{new},2021a:{old}"})
    assert (opened(kept.input["iban"], keys), opened(sealed, keys)) == ("DE1", "DE0")


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        (HASH_KEY, b64encode(b"short").decode(), "the hash key has 5 bytes, 32 are the least"),
        (HASH_KEY, b64encode(bytes(32)).decode(), "the hash key is not random"),
        (HASH_KEY, "not base64!", f"{HASH_KEY}: not base64"),
        (ENCRYPT_KEY, b64encode(KEY).decode(), f"{ENCRYPT_KEY}: write <key id>:<base64"),
        (ENCRYPT_KEY, "k:" + b64encode(KEY[:16]).decode(), "the encryption key k has 16 bytes"),
        (ENCRYPT_KEY, "k:" + b64encode(KEY + KEY).decode(), "has 64 bytes, not 32"),
        (ENCRYPT_KEY, "a b:" + b64encode(KEY).decode(), "a key id: use letters"),
    ],
)
def test_a_weak_or_misspelt_key_is_refused_without_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, why: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInput, match=re.escape(why)) as refused:
        PredictionLog(tmp_path, "tiny", "w", policy=POLICY)
    assert value.rpartition(":")[2] not in str(refused.value)


def test_an_altered_text_or_another_key_opens_nothing() -> None:
    text = PROTECTOR.protect(prediction(input={"iban": "DE1"})).input["iban"]
    other = Keys(encrypt={"2021b": KEY})
    for keys, sealed in [(KEYS, text[:-2] + "xx"), (other, text), (KEYS, text[:20])]:
        with pytest.raises(BadInput, match="altered, or not encrypted with the key 2021b"):
            opened(sealed, keys)
    with pytest.raises(BadInput, match=r"no key 2021b; AI_OPS_ENCRYPT_KEY holds none"):
        opened(text, Keys())
    with pytest.raises(BadInput, match="not an encrypted field"):
        opened("DE1", KEYS)


def test_keys_do_not_show() -> None:
    assert repr(KEYS) == "Keys()"


def test_a_decorated_call_is_protected_too(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, "tiny", "w", policy=POLICY, keys=KEYS) as log:

        @logged(log, model_version="1", subject="name")
        def ask(name: str, amount: float) -> dict[str, float]:
            if amount < 0:
                raise ValueError(f"{name} owes money")
            return {"amount": amount}

        ask("Ada-Lovelace", 1.0)
        with pytest.raises(ValueError, match="Ada-Lovelace owes"):
            ask("Ada-Lovelace", -1.0)
    assert b"Ada-Lovelace" not in bytes_of(tmp_path)
    first, second = written(tmp_path)
    assert first.input["name"] == first.subject == second.subject
    assert (first.output, second.error) == (
        {"amount": 1.0},
        "ValueError: withheld by the privacy policy",
    )
