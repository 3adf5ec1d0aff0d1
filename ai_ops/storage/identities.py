"""The keys with which people sign what they decide: Ed25519, one pair a person.

The private key never enters the ledger, the lake or a log; the public one stands in the YAML of
the features whose owners it belongs to.
"""

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput

FOLDER_VARIABLE = "AI_OPS_IDENTITIES"
PASSPHRASE_VARIABLE = "AI_OPS_IDENTITY_PASSPHRASE"
_PERSON = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+")


@dataclass(frozen=True)
class Identities:
    """The key files in one folder: ``<person>.pem``, readable by its owner only, ``<person>.pub``.

    With a ``passphrase`` private keys are encrypted by it.
    """

    folder: Path
    passphrase: str | None = None

    def create(self, person: str) -> str:
        """A new pair; the public key as base64. ``BadInput`` when the person has one here."""
        private = self._file(person, "pem")
        if private.exists():
            raise BadInput(f"{private}: {person} has a key already; remove it to make another")
        key = Ed25519PrivateKey.generate()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if self.passphrase:
            encryption = serialization.BestAvailableEncryption(self.passphrase.encode())
        content = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        # Created with its rights: there is no moment at which others could read it.
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        self._file(person, "pub").write_text(public + "\n", encoding="utf-8")
        return public

    def public_key(self, person: str) -> str | None:
        """The person's public key as base64, or None when there is no such identity."""
        file = self._file(person, "pub")
        return file.read_text(encoding="utf-8").strip() if file.exists() else None

    def people(self) -> list[str]:
        """Whose private keys lie here, sorted."""
        return sorted(file.stem for file in self.folder.glob("*.pem"))

    def sign(self, person: str, content: bytes) -> bytes:
        """The person's signature; ``BadInput`` says how to make a missing key."""
        file = self._file(person, "pem")
        if not file.exists():
            raise BadInput(f"{file}: no key of {person}; make one: ai-ops identity init {person}")
        password = self.passphrase.encode() if self.passphrase else None
        try:
            key = serialization.load_pem_private_key(file.read_bytes(), password)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"{file}: the key cannot be read ({error}); its passphrase is taken from "
                f"{PASSPHRASE_VARIABLE}"
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadInput(f"{file}: not an Ed25519 key; make one: ai-ops identity init {person}")
        return key.sign(content)

    def _file(self, person: str, ending: str) -> Path:
        if not _PERSON.fullmatch(person):
            raise BadInput(f"{person!r}: a person is named by an e-mail address")
        return self.folder / f"{person}.{ending}"


def identities_of(root: Root) -> Identities:
    """Where the keys of whoever works on this root lie.

    ``AI_OPS_IDENTITIES`` names the folder; a replay keeps its demo roles below its own root, a
    live root's people have their keys at home.
    """
    own = own_identities(root.environment)
    if root.clock.mode == "replay" and not root.environment.get(FOLDER_VARIABLE):
        return Identities(demo_identities(root), own.passphrase)
    return own


def own_identities(environment: Mapping[str, str]) -> Identities:
    """Where one's own keys lie, whatever the root: in the named folder, else at home."""
    named = environment.get(FOLDER_VARIABLE)
    folder = Path(named) if named else Path.home() / ".config" / "ai_ops" / "identities"
    return Identities(folder, environment.get(PASSPHRASE_VARIABLE))


def demo_identities(root: Root) -> Path:
    """Where a replay keeps the keys of its demo roles."""
    return root.folder / "identities"
