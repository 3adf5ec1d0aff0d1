"""The one loader of an AI feature's YAML: each mistake with file, line, field and mend."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from ai_ops.ai_features import find_features, load_feature
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.vocabulary.errors import BadFeatureFile

GOOD = """\
type: ai_ops.AiFeature
attributes:
  name: parcels
  title: Will the parcel arrive in time?
  served_by: own_model
  monitoring: {start: 2021-03-01}
  inputs:
    - {name: weight, type: number}
    - {name: city, type: category, nullable: true}
  outputs:
    - {name: probability, type: probability}
    - {name: late, type: boolean}
  judged: {score: probability, decision: late}
  ground_truth: {labels: "labels/*.parquet"}
  user_actions: {table: "orders/*.parquet"}
  owners:
    prediction_logging: {accountable: ada@example.com}
    drift_monitoring: {accountable: bea@example.com, supporting: [ada@example.com]}
    retraining_pipeline: {accountable: cy@example.com}
    inference_management: {accountable: dan@example.com}
    accuracy_evaluation: {follows: drift_monitoring}
  serving:
    expected_peak: {requests_per_second: 50}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the good file with one text replaced by another, which must be there."""

    def writing(old: str = "", new: str = "") -> Path:
        assert old in GOOD
        path = tmp_path / "parcels" / "defs.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
        return path

    return writing


def mistakes_of(path: Path) -> list[str]:
    """The mistakes that the loader names, without the folder."""
    with pytest.raises(BadFeatureFile) as caught:
        load_feature(path)
    return [line.removeprefix(f"{path.parent}/") for line in str(caught.value).splitlines()]


def line_of(text: str) -> int:
    """The line of the good file that holds a text."""
    return next(n for n, line in enumerate(GOOD.splitlines(), 1) if text in line)


@pytest.mark.requirement("OW-02", "OW-12", "PL-23")
def test_a_good_file_loads_with_its_owners_and_its_expected_peak(write: Write) -> None:
    feature = load_feature(write())
    assert [feature.owner_of(domain).accountable[:3] for domain in OWNED_DOMAINS] == [
        "ada", "bea", "cy@", "dan",
    ]  # fmt: skip
    assert feature.owner_of("accuracy_evaluation").supporting == ("ada@example.com",)
    assert feature.serving.expected_peak.requests_per_second == 50
    assert feature.flags == ()
    assert feature.input("city").nullable and not feature.input("weight").nullable


def test_a_misspelt_key_is_named_where_it_stands(write: Write) -> None:
    path = write("monitoring: {start", "monitorng: {start")
    assert mistakes_of(path) == [
        "defs.yaml:2: monitoring: missing; add it",
        "defs.yaml:6: monitorng: unknown key; correct its spelling or remove it",
    ]


def test_a_misspelt_key_deep_inside_is_named_with_its_whole_path(write: Write) -> None:
    path = write("nullable: true", "nulable: true")
    assert mistakes_of(path) == [
        "defs.yaml:9: inputs.1.nulable: unknown key; correct its spelling or remove it"
    ]


@pytest.mark.requirement("OW-13")
@pytest.mark.parametrize("domain", OWNED_DOMAINS)
def test_a_domain_without_an_owner_refuses_to_load(write: Write, domain: str) -> None:
    line = next(line for line in GOOD.splitlines() if f"    {domain}:" in line)
    owners = line_of("owners:")
    assert mistakes_of(write(line + "\n")) == [
        f"defs.yaml:{owners}: owners.{domain}: missing; add it"
    ]
    of_nobody = write(line, f"    {domain}: {{supporting: [eve@example.com]}}")
    assert mistakes_of(of_nobody) == [
        f"defs.yaml:{line_of(line)}: owners.{domain}.accountable: missing; add it"
    ]


@pytest.mark.requirement("PL-23")
def test_an_expected_peak_that_is_not_declared_refuses_to_load(write: Write) -> None:
    path = write("    expected_peak: {requests_per_second: 50}", "    poll_seconds: 2")
    (mistake,) = mistakes_of(path)
    assert mistake == f"defs.yaml:{line_of('serving:')}: serving.expected_peak: missing; add it"


@pytest.mark.requirement("OW-15")
def test_whoever_is_accountable_for_all_four_domains_is_flagged(write: Write) -> None:
    path = write()
    text = path.read_text()
    for name in ("bea", "cy", "dan"):
        text = text.replace(f"accountable: {name}@", "accountable: ada@")
    path.write_text(text)
    (flag,) = load_feature(path).flags
    assert flag.startswith("ada@example.com is accountable for all four domains")


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("per_second: 50", "per_second: many", "per_second", "(found 'many')"),
        ("per_second: 50", "per_second: 0", "per_second", "greater than 0 (found 0)"),
        ("city, type: category", "city, type: text", "city", "inputs.1.type:"),
        ("ada@example.com}", "ada}", "prediction_logging", "accountable:"),
        ("start: 2021-03-01", "start: soon", "start", "monitoring.start:"),
        ("start: 2021-03-01", "start: 2021-02-30", "start", "start: day is out of range"),
        ("2021-03-01}", "2021-03-01, end: 2021-03-01}", "start", "ends after it starts"),
        ("name: parcels", "name: My Parcels", "name: parcels", "name:"),
        ("decision: late", "decision: lat", "judged", "judged.decision names no output: lat"),
        ("decision: late", "decision: probability", "judged", "boolean or category: probability"),
        ("score: probability", "score: late", "judged", "not of type probability: late"),
        ("name: late,", "name: late, type: boolean}\n    - {name: city,", "judged", "city"),
        ("follows: drift_monitoring", "follows: finance", "follows", "follows:"),
        ("served_by: own_model", "served_by: [own_model", "monitoring:", "not YAML"),
        ("served_by: own_model", "served_by: !!python/name:os.system", "served_by", "constructor"),
    ],
)
def test_a_wrong_value_is_named_with_line_field_and_what_was_found(
    write: Write, old: str, new: str, line: str, words: str
) -> None:
    (mistake,) = mistakes_of(write(old, new))
    assert mistake.startswith(f"defs.yaml:{line_of(line)}: ")
    assert words in mistake


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("  drift: {minimum_rows: yes}", "drift.minimum_rows: Input should be a valid integer"),
        ('  drift: {k: "3"}', "drift.k: Input should be a valid integer (found '3')"),
        ("  drift: {k: 5}", "drift.k: k of n: k is at most n (found 5 of 4)"),
        ("  retraining: {automated: 1}", "retraining.automated: Input should be a valid boolean"),
        ("  retraining: {holdout_days: 9}", "retraining.holdout_days: the gate needs 10 days"),
        ("  costs: {compute: [{name: a, hourly_price: .inf}]}", "compute.0.hourly_price: "),
        ("  costs: {storage_price_per_gb_month: .inf}", "storage_price_per_gb_month: "),
        ("  costs: {storage_price_per_gb_month: .nan}", "storage_price_per_gb_month: "),
        ("  privacy: {fields: {city: shred}}", "privacy.fields.city: "),
        ("  privacy: {fields: {town: keep}}", "privacy.fields.town: names no input, output,"),
        ("  logging: {writers: [{name: a}, {name: a}]}", "logging.writers.1.name: another writer"),
    ],
)
def test_what_yaml_says_is_taken_as_it_stands_or_refused(
    write: Write, extra: str, words: str
) -> None:
    path = write()
    path.write_text(f"{path.read_text()}{extra}\n")
    (mistake,) = mistakes_of(path)
    assert mistake.startswith(f"defs.yaml:{len(GOOD.splitlines()) + 1}: ")
    assert words in mistake


def test_labels_that_never_mature_are_refused(write: Write) -> None:
    path = write('parquet"}\n  user', 'parquet", mature_after_hours: .inf}\n  user')
    (mistake,) = mistakes_of(path)
    assert "ground_truth.mature_after_hours: Input should be a finite number" in mistake


@pytest.mark.parametrize("key", ["secret", "c2hvcnQ=", "AAAA" * 11])
def test_a_public_key_that_is_none_is_refused(write: Write, key: str) -> None:
    owner = "prediction_logging: {accountable: ada@example.com"
    path = write(owner, f"{owner}, public_keys: {{ada@example.com: {key}}}")
    (mistake,) = mistakes_of(path)
    assert "an Ed25519 public key is 32 bytes in base64" in mistake
    key = base64.b64encode(bytes(32)).decode()
    path = write(owner, f"{owner}, public_keys: {{ada@example.com: {key}}}")
    assert load_feature(path).owners.prediction_logging.public_keys == {"ada@example.com": key}


def test_a_retired_key_says_until_when_with_its_zone(write: Write) -> None:
    owner, key = "prediction_logging: {accountable: ada@example.com", base64.b64encode(bytes(32))
    retired = f"{owner}, retired_keys: [{{person: ada@example.com, key: {key.decode()}, until: "
    path = write(owner, f"{retired}2026-03-01T00:00:00Z}}]")
    (one,) = load_feature(path).owners.prediction_logging.retired_keys
    assert (one.person, one.until.isoformat()) == ("ada@example.com", "2026-03-01T00:00:00+00:00")
    for wrong in ("2026-03-01T00:00:00", "2026-03-01", "soon"):
        (mistake,) = mistakes_of(write(owner, f"{retired}{wrong}}}]"))
        assert "owners.prediction_logging.retired_keys" in mistake and "until" in mistake


def test_a_mistake_between_fields_is_named_where_each_field_stands(write: Write) -> None:
    path = write("{score: probability, decision: late}", "\n    score: late\n    decision: lat")
    at = line_of("judged:")
    assert [mistake.rsplit(" ", 1)[0] for mistake in mistakes_of(path)] == [
        f"defs.yaml:{at + 1}: judged.score: judged.score is not of type probability:",
        f"defs.yaml:{at + 2}: judged.decision: judged.decision names no output: lat (have "
        "probability,",
    ]


SCORE = "judged: {score: probability, decision: late}"
LABELS = 'ground_truth: {labels: "labels/*.parquet"'


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        (
            {SCORE: "judged: {decision: late}"},
            "the server answers a probability and a decision: name judged.score as well, or remove "
            "it",
        ),
        (
            {SCORE: "judged: {score: probability}"},
            "the server answers a probability and a decision: name judged.decision as well, or "
            "remove it",
        ),
        (
            {SCORE: "judged: {score: probability}", "y, type: probability": "y, type: number"}
            | {LABELS: f"{LABELS}, kind: number"},
            "the server answers a probability and a decision, no labels of kind number: remove it",
        ),
        (
            {SCORE: "judged: {decision: late}", "late, type: boolean": "late, type: category"}
            | {LABELS: f"{LABELS}, kind: classes"},
            "the server answers a probability and a decision, no labels of kind classes: remove it",
        ),
    ],
)
def test_a_challenger_that_the_server_would_never_ask_is_refused(
    write: Write, changes: dict[str, str], words: str | None
) -> None:
    path = write("requests_per_second: 50}", "requests_per_second: 50}\n    shadow: true")
    text = path.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    if words is None:
        assert load_feature(path).serving.shadow
    else:
        at = len(GOOD.splitlines()) + 1
        assert mistakes_of(path) == [f"defs.yaml:{at}: serving.shadow: {words}"]


def test_a_name_that_is_not_its_folders_is_refused_where_it_stands(write: Write) -> None:
    assert mistakes_of(write("name: parcels", "name: letters")) == [
        "defs.yaml:3: name: letters is not its folder's name, parcels; make them equal"
    ]
    draft = write("name: parcels", "name: letters")
    draft = draft.rename(draft.with_name("draft.yaml"))
    assert load_feature(draft).name == "letters"


@pytest.mark.requirement("OW-12")
def test_a_repeated_key_is_refused_where_yaml_would_keep_the_last(write: Write) -> None:
    again = "    drift_monitoring: {accountable: eve@example.com}\n"
    path = write("    accuracy_evaluation:", f"{again}    accuracy_evaluation:")
    first, second = line_of("drift_monitoring:"), line_of("accuracy_evaluation:")
    assert mistakes_of(path) == [
        f"defs.yaml:{second}: drift_monitoring: the key stands twice (first in line {first})"
    ]


def test_every_mistake_is_named_at_once(write: Write) -> None:
    path = write("served_by: own_model", "served_by: magic")
    path.write_text(path.read_text().replace("type: number", "type: numbr"))
    assert [mistake.split(":")[1] for mistake in mistakes_of(path)] == ["5", "8"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "defs.yaml:1: the file is empty"),
        (b"- a\n", "defs.yaml:1: a feature's YAML is a mapping"),
        (b"type: other.Thing\n", "defs.yaml:1: type: expected ai_ops.AiFeature"),
        (b"attributes: {}\n\ntype: other\n", "defs.yaml:3: type: expected ai_ops.AiFeature"),
        (b"type: ai_ops.AiFeature\nowner: x\n", "defs.yaml:2: owner: unknown key, remove it"),
        (b"type: x\n? [a, b]\n: c\n", "defs.yaml:2: attributes: a key is a plain word"),
        (b"type: x\nb: \xff\n", "defs.yaml:2: not UTF-8"),
        (b"type: x\nb: \x01\n", "defs.yaml:2: not YAML"),
    ],
)
def test_what_is_no_feature_file_at_all_is_told_apart(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "defs.yaml"
    path.write_bytes(content)
    (mistake,) = mistakes_of(path)
    assert mistake.startswith(words)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert mistakes_of(tmp_path / "defs.yaml") == [
        "defs.yaml: no such file; write one, or name another folder"
    ]
    (tmp_path / "defs.yaml").mkdir()
    assert mistakes_of(tmp_path / "defs.yaml") == ["defs.yaml: cannot be read: Is a directory"]


def test_features_are_found_by_the_name_of_their_folder(tmp_path: Path) -> None:
    for name in ("parcels", "letters"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text(GOOD)
    (tmp_path / "notes").mkdir()
    assert list(find_features(tmp_path)) == ["letters", "parcels"]


def test_every_feature_of_this_project_loads() -> None:
    import ai_ops.defs

    found = find_features(Path(ai_ops.defs.__path__[0]))
    assert found
    for name, path in found.items():
        assert load_feature(path).name == name
