"""Keys: made once, readable by their owner only, found where they belong, and what they sign."""

import stat
from pathlib import Path

import pytest

from ai_ops.storage.authority import signers
from ai_ops.storage.identities import (
    FOLDER_VARIABLE,
    PASSPHRASE_VARIABLE,
    Identities,
    demo_identities,
    identities_of,
)
from ai_ops.storage.root import Root
from ai_ops.storage.signatures import is_signature
from ai_ops.vocabulary.errors import BadInput
from ai_ops_tests.deciding import BACKEND, FEATURE, NOW, SCIENTIST, root_in

PERSON = "anna.o'hara+ops@example.com"


def test_a_private_key_is_readable_by_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    keys = Identities(tmp_path / "new" / "keys")
    public = keys.create(PERSON)
    private = keys.folder / f"{PERSON}.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    content = private.read_bytes()
    with pytest.raises(BadInput, match="has a key already"):
        keys.create(PERSON)
    assert private.read_bytes() == content
    assert (keys.public_key(PERSON), keys.people()) == (public, [PERSON])


def test_a_signature_holds_for_its_key_and_its_content_only(tmp_path: Path) -> None:
    keys = Identities(tmp_path)
    public, other = keys.create(PERSON), keys.create("other@example.com")
    signature = keys.sign(PERSON, b"approve 2")
    assert is_signature(public, signature, b"approve 2")
    assert not is_signature(public, signature, b"approve 3")
    assert not is_signature(other, signature, b"approve 2")
    assert not is_signature(public, signature[:-1], b"approve 2")
    assert not is_signature("no key at all", signature, b"approve 2")
    assert not is_signature("", signature, b"approve 2")


@pytest.mark.parametrize(
    "person", ["", "anna", "../anna@example.com", "a@b.c\n", "a/b@example.com"]
)
def test_a_person_is_an_e_mail_address_and_never_a_path(tmp_path: Path, person: str) -> None:
    with pytest.raises(BadInput, match="named by an e-mail address"):
        Identities(tmp_path).create(person)
    assert list(tmp_path.iterdir()) == []


def test_without_a_key_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ai-ops identity init anna@example\.com"):
        Identities(tmp_path).sign("anna@example.com", b"content")
    assert Identities(tmp_path).public_key("anna@example.com") is None
    (tmp_path / "anna@example.com.pem").write_text("no key")
    with pytest.raises(BadInput, match="cannot be read"):
        Identities(tmp_path).sign("anna@example.com", b"content")


def test_a_passphrase_locks_the_key_and_no_message_holds_it(tmp_path: Path) -> None:
    locked = Identities(tmp_path, passphrase="correct horse")
    public = locked.create(PERSON)
    assert b"ENCRYPTED" in (tmp_path / f"{PERSON}.pem").read_bytes()
    assert is_signature(public, locked.sign(PERSON, b"x"), b"x")
    for wrong in (None, "battery staple"):
        with pytest.raises(BadInput, match=PASSPHRASE_VARIABLE) as refused:
            Identities(tmp_path, passphrase=wrong).sign(PERSON, b"x")
        assert "staple" not in str(refused.value)


def test_keys_lie_in_the_named_folder_else_below_a_replay_else_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    live = Root.open(tmp_path / "live", environment={})
    assert identities_of(live).folder == tmp_path / "home" / ".config" / "ai_ops" / "identities"
    replay = Root.open(tmp_path / "replay", environment={})
    replay.begin_replay(NOW)
    assert identities_of(replay).folder == demo_identities(replay)
    named = {FOLDER_VARIABLE: str(tmp_path / "mine"), PASSPHRASE_VARIABLE: "secret"}
    chosen = identities_of(Root.open(tmp_path / "replay", environment=named))
    assert (chosen.folder, chosen.passphrase) == (tmp_path / "mine", "secret")


@pytest.mark.requirement("OW-07")
def test_demo_keys_count_in_a_replay_only(tmp_path: Path) -> None:
    replay = root_in(tmp_path / "replay")
    keys = Identities(demo_identities(replay))
    assert signers(replay, FEATURE, ["accuracy_evaluation"]) == {
        SCIENTIST: keys.public_key(SCIENTIST)
    }
    live = Root.open(tmp_path / "live", environment={})
    Identities(demo_identities(live)).create(SCIENTIST)
    assert signers(live, FEATURE, ["accuracy_evaluation"]) == {}


def test_a_key_in_the_feature_s_file_goes_before_one_that_lies_in_the_replay(
    tmp_path: Path,
) -> None:
    replay = root_in(tmp_path / "replay")
    public = Identities(tmp_path / "mine").create(BACKEND)
    owner = FEATURE.owners.prediction_logging.model_copy(update={"public_keys": {BACKEND: public}})
    owners = FEATURE.owners.model_copy(update={"prediction_logging": owner})
    feature = FEATURE.model_copy(update={"owners": owners})
    assert signers(replay, feature, ["prediction_logging"]) == {BACKEND: public}
