"""A bundle is believed to the byte, by keys from outside; whatever else it is, is named."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.storage.bundle import CHAIN, MANIFEST, SIGNATURE, BundleWriter, Subject
from ai_ops.storage.bundle_check import Checked, check_bundle
from ai_ops.storage.chain_extract import concerns, extract
from ai_ops.storage.chain_proof import prove
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.plain_zip import ZipWriter, read_zip
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops.vocabulary.verdicts import Evidence, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.deciding import BACKEND, FEATURE, GATE, SCIENTIST, STRANGER, decided, root_in

DAY = "2021-03-04"
LOG = b"the rows of a day"
Sign = Callable[[bytes], bytes]


class Made:
    """A small ledger with signed decisions and a verdict on a log, and a bundle of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root: Root = root_in(folder / "root")
        decided(self.root, "gate_freeze", SCIENTIST, **GATE)
        self.root.ledger.append([NewEvent("hold", "another", {"by": "x"})], clock=self.root.clock)
        self.root.ledger.record_verdicts([self.verdict()], clock=self.root.clock)
        self.identities = Identities(demo_identities(self.root))
        self.keys = {one: [self.key(one)] for one in (BACKEND, SCIENTIST)}
        self.bundle = self.bundled()

    def key(self, person: str) -> str:
        key = self.identities.public_key(person)
        assert key is not None
        return key

    def verdict(self) -> RecordedVerdict:
        read = Evidence(f"{FEATURE.name}/prediction_log/{DAY}.parquet", "0" * 64)
        said = Verdict.passing("fine", sample_size=3, evidence=(read,))
        window = Window.of_day(DAY)
        return RecordedVerdict(
            FEATURE.name, "log_written", "prediction_log", DAY, window, window.end, said
        )

    def writer(self, file: io.BytesIO) -> BundleWriter:
        writer = BundleWriter(
            file,
            Subject(
                FEATURE.name,
                DAY,
                "2021-03-05",
                "2021-04-01T09:00:00+00:00",
                "replay",
                BACKEND,
                self.key(BACKEND),
            ),
        )
        writer.add("README.md", b"read me")
        writer.add(f"log/{DAY}.parquet", LOG, rows=3)
        writer.lack("log", "2021-03-05", "its log was not written")
        content, proof = extract(self.root.ledger, concerns(FEATURE.name, Window.of_day(DAY)))
        writer.add(CHAIN, content)
        writer.ledger.update(head=proof.head, birth=proof.birth, blocks=proof.blocks)
        return writer

    def bundled(
        self, change: Callable[[BundleWriter], None] = lambda writer: None, sign: Sign | None = None
    ) -> bytes:
        file = io.BytesIO()
        writer = self.writer(file)
        change(writer)
        writer.finish(sign or (lambda content: self.identities.sign(BACKEND, content)))
        return file.getvalue()

    def check(self, content: bytes, keys: Mapping[str, list[str]] | None = None) -> Checked:
        file = self.folder / "bundle.zip"
        file.write_bytes(content)
        return check_bundle(file, self.keys if keys is None else keys)

    def files(self) -> dict[str, bytes]:
        listed = read_zip(io.BytesIO(self.bundle)).members
        kept = read_zip(io.BytesIO(self.bundle), [one.name for one in listed]).members
        return {one.name: one.content or b"" for one in kept}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("bundle"))


def archived(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    writer = ZipWriter(file)
    for name, content in files.items():
        writer.add(name, content)
    writer.close()
    return file.getvalue()


@pytest.mark.requirement("PL-09", "MO-09")
def test_a_bundle_that_nobody_touched_holds_and_tells_what_it_lacks(made: Made) -> None:
    checked = made.check(made.bundle)
    assert (checked.problems, checked.unproven) == ([], "")
    assert checked.decisions.hold == 1
    assert checked.blocks == 4
    assert "log (2021-03-05) is not in it: its log was not written" in checked.warnings
    assert f"log/{DAY}.parquet: it is not the log that was judged last" in checked.warnings[0]
    assert made.bundled() == made.bundle, "the same files, moment and key: the same bytes"


@pytest.mark.requirement("PL-09", "MO-09")
@settings(max_examples=300)
@given(data=st.data())
def test_any_changed_missing_or_added_byte_is_found(made: Made, data: st.DataObject) -> None:
    content = made.bundle
    place = data.draw(st.integers(0, len(content)))
    removed = data.draw(st.sampled_from([0, 1, 2, 64, len(content)]))
    added = data.draw(st.binary(max_size=3))
    other = content[:place] + added + content[place + removed :]
    if other != content:
        assert made.check(other).problems


@given(data=st.data())
def test_any_changed_missing_or_added_file_is_found_and_named(
    made: Made, data: st.DataObject
) -> None:
    files = made.files()
    name = data.draw(st.sampled_from(list(files)))
    match data.draw(st.sampled_from(["change", "remove", "add", "swap"])):
        case "change":
            files[name] = files[name] + b" "
        case "remove":
            del files[name]
        case "add":
            files = {"log/2021-03-05.parquet": b"forged", **files}
            name = "log/2021-03-05.parquet"
        case _:
            files = dict(reversed(files.items()))
            name = MANIFEST
    problems = made.check(archived(files)).problems
    assert any(name in words for words in problems), (name, problems)


def test_a_file_that_stands_there_twice_is_found(made: Made) -> None:
    for name in made.files():
        file = io.BytesIO()
        writer = ZipWriter(file)
        for one, content in made.files().items():
            if one == name:
                writer.add(name, b"what a careless reader takes")
            writer.add(one, content)
        writer.close()
        assert "stands there twice" in " ".join(made.check(file.getvalue()).problems)


def signed_by(made: Made, person: str) -> bytes:
    return made.bundled(sign=lambda content: made.identities.sign(person, content))


def as_if(made: Made, **said: str) -> bytes:
    """A bundle whose forger signs with the key that it names."""

    def change(writer: BundleWriter) -> None:
        writer.subject = replace(writer.subject, **said)

    return made.bundled(change, lambda content: made.identities.sign(STRANGER, content))


@pytest.mark.requirement("MO-09")
def test_who_signed_is_told_by_keys_from_outside_alone(made: Made) -> None:
    unproven = made.check(made.bundle, {})
    assert unproven.problems == []
    assert "signed by a key that you did not give" in unproven.unproven
    assert str(unproven.fingerprint) in unproven.unproven
    forged = as_if(made, public_key=made.key(STRANGER))
    assert made.check(forged, {}).problems == [], "a bundle's own key proves nothing"
    for content, keys, words in (
        (signed_by(made, STRANGER), made.keys, f"it is not {BACKEND}'s signature"),
        (forged, made.keys, "you did not give that key"),
        (as_if(made, signed_by=STRANGER, public_key=made.key(STRANGER)), made.keys, "you did not"),
        (made.bundle, {SCIENTIST: made.keys[BACKEND]}, f"the key is that of {SCIENTIST}"),
        (made.bundle, {BACKEND: made.keys[SCIENTIST]}, "you did not give that key"),
        (made.bundled(sign=lambda _: b""), made.keys, "signed by nobody"),
        (as_if(made, public_key="no key"), made.keys, f"it is not {BACKEND}'s signature"),
    ):
        assert words in " ".join(made.check(content, keys).problems)


def test_a_signed_bundle_that_contradicts_itself_is_not_believed(made: Made) -> None:
    def told(**ledger: Any) -> Callable[[BundleWriter], None]:
        return lambda writer: writer.ledger.update(ledger)

    for change, words in (
        (told(head="0" * 64), "its head is not the manifest's"),
        (told(birth="0" * 64), "its birth is not the manifest's"),
        (lambda writer: writer.missing.clear(), "it says nothing of the log of 2021-03-05"),
        (lambda writer: writer.files.pop(), f"{CHAIN}: the manifest does not have it"),
    ):
        assert words in " ".join(made.check(made.bundled(change)).problems)


def altered(made: Made, change: Callable[[list[Any]], None]) -> bytes:
    lines = [json.loads(line) for line in made.files()[CHAIN].splitlines()]
    change(lines)
    return b"\n".join(json.dumps(line).encode() for line in lines)


def test_the_chain_of_an_extract_is_recomputed_link_by_link(made: Made) -> None:
    chain = made.files()[CHAIN]
    assert b"another" not in chain, "what another feature decided is a digest"
    for change, words in (
        (lambda lines: lines.pop(1), "block 2: it is missing"),
        (lambda lines: lines[1].update(run_id="x"), "block 2: its hash is not"),
        (lambda lines: lines[1].update(prev_hash="0" * 64), "block 2: it does not follow"),
        (lambda lines: lines[2].update(events=[]), "block 3: it was recorded with 1 events"),
        (lambda lines: lines[2].update(events=["0" * 64]), "block 3: its hash is not"),
        (lambda lines: lines[3]["events"][0].update(payload="{}"), "block 4, event 0: it differs"),
        (lambda lines: lines[0].pop("n"), "block 1: it cannot be read"),
    ):
        with pytest.raises(LedgerBroken, match=words):
            prove(altered(made, change))


def test_a_decision_that_its_person_did_not_sign_is_told(made: Made, tmp_path: Path) -> None:
    keys = {**made.keys, SCIENTIST: [made.key(STRANGER)]}
    problems = made.check(made.bundle, keys).problems
    assert f"{SCIENTIST} signed this gate_freeze with none of the keys" in problems[0]
    both = {**made.keys, SCIENTIST: [made.key(STRANGER), made.key(SCIENTIST)]}
    assert made.check(made.bundle, both).problems == [], "a person's key may have changed since"
    unknown = made.check(made.bundle, {BACKEND: made.keys[BACKEND]})
    assert (unknown.problems, unknown.decisions.unknown) == ([], 1)


def test_a_check_needs_neither_database_nor_table_nor_schema() -> None:
    code = (
        "import ai_ops.cli.audit_offline, sys; print(sorted(m.split('.')[0] for m in sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    heavy = {"sqlalchemy", "pyarrow", "pydantic", "yaml", "typer", "mlflow", "dagster", "numpy"}
    assert not {name for name in heavy if f"'{name}'" in loaded}
    assert SIGNATURE.endswith(".sig")
