"""The keys of the privacy policy: they come from the environment, never from a file of a project.

``AI_OPS_HASH_KEY`` is base64 of at least 32 random bytes. ``AI_OPS_ENCRYPT_KEY`` is
``<key id>:<base64 of 32 random bytes>``, or several of them with commas between: the first one
encrypts, every one decrypts.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ai_ops.vocabulary.errors import BadInput

HASH_KEY: Final = "AI_OPS_HASH_KEY"
ENCRYPT_KEY: Final = "AI_OPS_ENCRYPT_KEY"

_LENGTH: Final = 32
_FEWEST_VALUES: Final = 8
_MAKE: Final = "make one with `openssl rand -base64 32`"
_KEY_ID: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that a process holds; ``encrypt`` maps key ids to keys, its first one encrypts.

    A weak key is refused, and no key shows in a message:

    >>> Keys(hash=b"secret")
    Traceback (most recent call last):
    ...
    ai_ops.vocabulary.errors.BadInput: the hash key has 6 bytes, 32 are the least; \
make one with `openssl rand -base64 32`
    >>> Keys(hash=bytes(range(32)))
    Keys()
    """

    hash: bytes | None = field(default=None, repr=False)
    encrypt: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.hash is not None:
            _strong(self.hash, "the hash key")
        for key_id, key in self.encrypt.items():
            if not _KEY_ID.match(key_id):
                raise BadInput("a key id: use letters, digits, dot, dash and underscore")
            _strong(key, f"the encryption key {key_id}")
            if len(key) != _LENGTH:
                raise BadInput(f"the encryption key {key_id} has {len(key)} bytes, not {_LENGTH}")


def keys_from(environment: Mapping[str, str]) -> Keys:
    """The keys that the environment holds, none where it has none; ``BadInput`` names a bad one."""
    hash_key, encrypt_keys = environment.get(HASH_KEY), environment.get(ENCRYPT_KEY)
    return Keys(
        hash=_decoded(hash_key, HASH_KEY) if hash_key else None,
        encrypt=dict(map(_named_key, encrypt_keys.split(","))) if encrypt_keys else {},
    )


def _named_key(text: str) -> tuple[str, bytes]:
    key_id, separator, key = text.strip().partition(":")
    if not separator:
        raise BadInput(f"{ENCRYPT_KEY}: write <key id>:<base64 of 32 bytes>; {_MAKE}")
    return key_id, _decoded(key, ENCRYPT_KEY)


def _decoded(text: str, variable: str) -> bytes:
    try:
        return b64decode(text.strip(), validate=True)
    except (NotBase64, ValueError):
        raise BadInput(f"{variable}: not base64; {_MAKE}") from None


def _strong(key: bytes, what: str) -> None:
    if len(key) < _LENGTH:
        raise BadInput(f"{what} has {len(key)} bytes, {_LENGTH} are the least; {_MAKE}")
    if len(set(key)) < _FEWEST_VALUES:
        raise BadInput(f"{what} is not random; {_MAKE}")
