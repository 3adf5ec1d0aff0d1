"""What the privacy policy does to a prediction before it is written.

A rule goes by the name of a field, at any depth of input, output and cost, and for ``subject`` and
``tenant``. It fails closed: what cannot be protected is not written, only that there was a
prediction. ``id``, ``request_id`` and ``call_site`` are never ruled: put nothing personal there.
"""

import hmac
import logging
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ai_ops.client.keys import ENCRYPT_KEY, HASH_KEY, Keys, keys_from
from ai_ops.client.lines import encode
from ai_ops.client.policy import Policy
from ai_ops.client.records import Prediction
from ai_ops.vocabulary.errors import BadInput, MissingExtra
from ai_ops.vocabulary.words import FieldRule

HASHED: Final = "hmac:"
ENCRYPTED: Final = "enc:1:"

_ENVELOPE: Final = frozenset({"subject", "tenant"})
_NONCE: Final = 12
_WITHHELD: Final = "withheld by the privacy policy"
_ERROR_TYPE: Final = re.compile(
    r"^(HTTP [1-5]\d\d|[A-Za-z_][A-Za-z0-9_.]{0,99}(Error|Exception))(?=:|\(|$)"
)

_logger = logging.getLogger(__name__)


class _Withheld(Exception):
    """Why a payload cannot be protected; the words hold nothing of it."""


class Protector:
    """Applies the rules of one policy; safe for threads and after a fork.

    Equal values have equal hashes under one key, so that tables still join; each encryption of
    a value differs. An absent value (None) stays absent.

    >>> policy = Policy(feature="tiny", fields={"name": "hash", "note": "drop"})
    >>> protector = Protector(policy, Keys(hash=bytes(range(32))))
    >>> told = Prediction(id="a", model_version="1", input={"name": "Ada", "note": "x", "n": 1})
    >>> protector.protect(told).input  # doctest: +ELLIPSIS
    {'name': 'hmac:2350a00a677aa51d...', 'n': 1}
    """

    def __init__(self, policy: Policy, keys: Keys) -> None:
        self._rules = {name: rule for name, rule in policy.fields.items() if rule != "keep"}
        self._payload_ruled = bool(self._rules.keys() - _ENVELOPE)
        self._hash_key = keys.hash
        self._problem = _missing_key(set(self._rules.values()), keys)
        self._encrypt: Callable[[bytes], str] | None = None
        if not self._problem and "encrypt" in self._rules.values():
            try:
                self._encrypt = _encryptor(keys)
            except ImportError:
                self._problem = "cryptography is not installed"
        if self._problem:
            _logger.error("%s: no payload is written: %s", policy.feature, self._problem)

    @classmethod
    def of(cls, policy: Policy, keys: Keys | None = None) -> "Protector | None":
        """The policy's protector, with the environment's keys; None when everything is kept."""
        if all(rule == "keep" for rule in policy.fields.values()):
            return None
        return cls(policy, keys_from(os.environ) if keys is None else keys)

    def protect(self, prediction: Prediction) -> Prediction:
        """The prediction as it may be written; without its payload when that cannot be."""
        try:
            return self._protected(prediction)
        except _Withheld as reason:
            return self._envelope(prediction, str(reason))
        except Exception as error:  # whatever it is: nothing unprotected may pass
            # Not its message: that may quote what must not be written.
            return self._envelope(prediction, f"not protected ({type(error).__name__})")

    def _protected(self, prediction: Prediction) -> Prediction:
        if self._problem:
            raise _Withheld(self._problem)
        # The rules are for what would be written, whatever objects it was made of.
        told = msgspec.json.decode(encode(prediction))
        payload = {name: told.get(name) for name in ("input", "output", "cost")}
        for name, value in payload.items():
            if self._payload_ruled and not (value is None or isinstance(value, dict)):
                raise _Withheld(f"{name} is not a mapping, so its fields cannot be told apart")
        envelope = self._ruled({name: told.get(name) for name in _ENVELOPE})
        return msgspec.structs.replace(
            prediction,
            **{name: self._inside(value) for name, value in payload.items()},
            subject=envelope.get("subject"),
            tenant=envelope.get("tenant"),
            error=_error_type(prediction.error),
        )

    def _envelope(self, prediction: Prediction, reason: str) -> Prediction:
        cost = prediction.cost
        numbers = type(cost) is dict and all(
            type(value) in (int, float) and name not in self._rules for name, value in cost.items()
        )
        earlier = f"{prediction.withheld}; " if prediction.withheld else ""
        return msgspec.structs.replace(
            prediction,
            input=None,
            output=None,
            cost=cost if numbers else None,
            subject=None if "subject" in self._rules else prediction.subject,
            tenant=None if "tenant" in self._rules else prediction.tenant,
            error=_error_type(prediction.error),
            withheld=earlier + reason,
        )

    def _ruled(self, members: dict[str, Any]) -> dict[str, Any]:
        kept = {}
        for name, value in members.items():
            match self._rules.get(name):
                case None:
                    kept[name] = self._inside(value)
                case "drop":
                    pass
                case _ if value is None:
                    kept[name] = None
                case "hash":
                    kept[name] = self._hashed(value)
                case _:
                    assert self._encrypt is not None
                    kept[name] = self._encrypt(_json(value))
        return kept

    def _inside(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._ruled(value)
        return [self._inside(part) for part in value] if isinstance(value, list) else value

    def _hashed(self, value: Any) -> str:
        assert self._hash_key is not None
        text = value.encode() if isinstance(value, str) else _json(value)
        return HASHED + hmac.digest(self._hash_key, text, "sha256").hex()


def opened(text: str, keys: Keys) -> Any:
    """The value that an encrypted field holds; ``BadInput`` when these keys do not open it.

    >>> keys = Keys(encrypt={"2021a": bytes(range(32))})
    >>> policy = Policy(feature="tiny", fields={"name": "encrypt"})
    >>> told = Prediction(id="a", model_version="1", input={"name": "Ada"})
    >>> opened(Protector(policy, keys).protect(told).input["name"], keys)
    'Ada'
    """
    key_id, separator, sealed = text.removeprefix(ENCRYPTED).partition(":")
    if not text.startswith(ENCRYPTED) or not separator:
        raise BadInput(f"not an encrypted field: it begins with {ENCRYPTED}<key id>:")
    if (key := keys.encrypt.get(key_id)) is None:
        raise BadInput(f"no key {key_id}; {ENCRYPT_KEY} holds {', '.join(keys.encrypt) or 'none'}")
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise MissingExtra("cryptography is missing: pip install 'ai-ops[privacy]'") from error
    try:
        data = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
        plain = AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], _bound(key_id))
    except (InvalidTag, NotBase64, ValueError) as error:
        raise BadInput(f"altered, or not encrypted with the key {key_id}") from error
    return msgspec.json.decode(plain)


def _missing_key(rules: set[FieldRule], keys: Keys) -> str | None:
    if "hash" in rules and keys.hash is None:
        return f"no key to hash with: {HASH_KEY} is not set"
    if "encrypt" in rules and not keys.encrypt:
        return f"no key to encrypt with: {ENCRYPT_KEY} is not set"
    return None


def _encryptor(keys: Keys) -> Callable[[bytes], str]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_id, key = next(iter(keys.encrypt.items()))
    cipher, bound = AESGCM(key), _bound(key_id)

    def encrypt(plain: bytes) -> str:
        nonce = os.urandom(_NONCE)
        sealed = urlsafe_b64encode(nonce + cipher.encrypt(nonce, plain, bound))
        return f"{ENCRYPTED}{key_id}:{sealed.decode().rstrip('=')}"

    return encrypt


def _bound(key_id: str) -> bytes:
    return (ENCRYPTED + key_id).encode()


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _error_type(error: str | None) -> str | None:
    """An error without its message, which may quote a value.

    >>> _error_type("ValueError: no such person: Ada")
    'ValueError: withheld by the privacy policy'
    """
    if error is None:
        return None
    kind = _ERROR_TYPE.match(error)
    return f"{kind[0]}: {_WITHHELD}" if kind else _WITHHELD
