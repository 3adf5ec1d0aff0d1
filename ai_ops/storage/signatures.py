"""Whether a signature holds: with nothing but the public key, on any machine."""

import base64
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def is_signature(public_key: str, signature: bytes, content: bytes) -> bool:
    """Whether the holder of the key (base64) signed exactly this content."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(signature, content)
    except (InvalidSignature, ValueError):  # a key that is none has signed nothing
        return False
    return True


def is_public_key(text: str) -> bool:
    """Whether it is an Ed25519 public key as base64.

    >>> is_public_key("no key"), is_public_key("A" * 43 + "=")
    (False, True)
    """
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except ValueError:
        return False


def fingerprint(public_key: str) -> str:
    """A key as people compare it by telephone: the first half of its sha256, in groups.

    >>> fingerprint("A" * 43 + "=")
    '5164 3eac 9777 b63a 7b26 8174 d1fd 4276'
    """
    digest = sha256(public_key.encode()).hexdigest()[:32]
    return " ".join(digest[start : start + 4] for start in range(0, 32, 4))
