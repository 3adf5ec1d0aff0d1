"""The token of a decision: one line, ``base64url(what was decided).base64url(signature)``.

It can be signed on one machine and handed over on another: to a command, to a job in the UI.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, get_args

from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops.vocabulary.words import EventKind

_NO_DECISION = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,  # a moment before the first or after the last year
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger's last block as the signer saw it: its number (0 while empty) and its hash."""

    block: int
    hash: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a feature, as it was signed.

    ``head`` is None in what was signed before decisions named it.
    """

    kind: EventKind
    feature: str
    by: str
    content: Mapping[str, Any]
    at: datetime
    ledger: str
    nonce: str
    token: str
    head: Head | None = None

    def payload(self) -> dict[str, Any]:
        """What the ledger keeps of it: enough to verify the signature again."""
        return {**self.content, "by": self.by, "nonce": self.nonce, "token": self.token}


def sealed(signed: bytes, signature: bytes) -> str:
    """The token of what was signed."""
    return f"{_text(signed)}.{_text(signature)}"


def opened(token: str) -> tuple[Decision, bytes, bytes]:
    """What a token says, signed or not, the signed bytes, and the signature.

    ``DecisionRefused`` for what is no token at all.
    """
    try:
        body, _, mark = token.strip().partition(".")
        signed, signature = _bytes(body), _bytes(mark)
        said = json.loads(signed)
        json.dumps(said, ensure_ascii=False).encode()  # what cannot be printed cannot be kept
        if said["kind"] not in get_args(EventKind) or not isinstance(said["content"], dict):
            raise ValueError("no decision")
        decision = Decision(
            cast(EventKind, said["kind"]),
            str(said["feature"]),
            str(said["by"]),
            said["content"],
            utc(said["at"]),
            str(said["ledger"]),
            str(said["nonce"]),
            token.strip(),
            _head(said["head"]) if "head" in said else None,
        )
    except _NO_DECISION:
        raise DecisionRefused("not a signed decision; print one with ai-ops sign") from None
    return decision, signed, signature


def _head(said: Any) -> Head:
    block, hash = said["block"], said["hash"]
    if type(block) is not int or block < 0 or not isinstance(hash, str):
        raise ValueError("no head of a ledger")
    return Head(block, hash)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
