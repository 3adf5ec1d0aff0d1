"""One message over one channel, through apprise; a failure is told without the URL's secrets."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from ai_ops.playbook.notifying.channels import Channel, apprise, scrubbed
from ai_ops.playbook.notifying.tellings import Telling

LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether a message arrived, and what was said when it did not."""

    delivered: bool
    reason: str


def send(channel: Channel, title: str, body: str, to: Sequence[str]) -> Delivery:
    """Send a message; whatever goes wrong is a delivery that failed, never an exception."""
    url = _addressed(channel, to)
    library = apprise()
    # One after the other, in this thread: what is logged meanwhile is about this one.
    asset = library.AppriseAsset(async_mode=False, app_id="ai_ops", app_desc="ai_ops")
    with library.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
        try:
            sender = library.Apprise(asset=asset)
            added = sender.add(url)
            arrived = added and bool(
                sender.notify(title=_plain(title), body=_plain(body), body_format="text")
            )
        except Exception as error:  # a service's own mistake must not end the telling of others
            return Delivery(False, _reason(f"{type(error).__name__}: {error}", url))
        said = log.getvalue()
    if arrived:
        return Delivery(True, "it was taken")
    return Delivery(False, _reason(said, url))


def body_of(tellings: Sequence[Telling]) -> str:
    """What a message says: each telling and whom it is for."""
    return "\n\n".join(f"{one.words}\nfor: {', '.join(one.to)}" for one in tellings)


def _addressed(channel: Channel, to: Sequence[str]) -> str:
    """The URL of a message: a mail server sends to whom it is for."""
    if not channel.addresses_people or not to:
        return channel.url
    mark = "&" if "?" in channel.url else "?"
    return f"{channel.url}{mark}to={quote(','.join(to))}"


def _reason(said: str, url: str) -> str:
    lines = [line for line in said.splitlines() if "://" not in line]
    return scrubbed(" ".join(lines), url)[:LONGEST_REASON] or "no reason was given"


def _plain(text: str) -> str:
    """The text without what a terminal or a mail's header would take for a command: its reasons
    may quote what a user typed.

    >>> _plain("a\\x1b[2Jb")
    'a [2Jb'
    """
    return "".join(one if one == "\n" or one.isprintable() else " " for one in text)
