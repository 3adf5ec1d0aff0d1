"""The channels to people: apprise URLs from the environment, known by names without secrets."""

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Final, get_args
from urllib.parse import unquote

from ai_ops.vocabulary.errors import MissingExtra
from ai_ops.vocabulary.words import OwnedDomain

VARIABLE: Final = "AI_OPS_NOTIFY"
"""Where the channels stand, several apart by spaces; ``AI_OPS_NOTIFY_DRIFT_MONITORING`` and its
like are those of one domain."""

SECRET_LENGTH: Final = 3
"""A part of a URL that is longer may be a secret, and is shown nowhere."""

_ORDINARY: Final = ("json", "jsons", "mailto", "mailtos", "https", "http", "insecure", "starttls")


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to people. ``url`` holds its secrets and is not shown; ``name`` has none."""

    name: str
    url: str = field(repr=False)

    @property
    def addresses_people(self) -> bool:
        """Whether it is a mail server that sends to whomever a message is for."""
        return self.url.startswith(("mailto://", "mailtos://")) and "to=" not in self.url


@dataclass(frozen=True, slots=True)
class Channels:
    """Every channel that the environment names, by variable; ``problems`` are those it cannot."""

    named: Mapping[str, tuple[Channel, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of(self, domain: OwnedDomain) -> tuple[Channel, ...]:
        """The channels of a domain: its own, else those of everybody."""
        return self.named.get(variable_of(domain)) or self.named.get(VARIABLE, ())

    @property
    def every(self) -> tuple[Channel, ...]:
        """All channels, each once."""
        return tuple(one for channels in self.named.values() for one in channels)


def variable_of(domain: OwnedDomain) -> str:
    """The variable of a domain's channels.

    >>> variable_of("drift_monitoring")
    'AI_OPS_NOTIFY_DRIFT_MONITORING'
    """
    return f"{VARIABLE}_{domain.upper()}"


def channels_of(environment: Mapping[str, str]) -> Channels:
    """The channels of an environment; a URL that is none is a problem, named without its secret.

    >>> channels_of({"AI_OPS_NOTIFY": "json://example.com/hook/s3cret"}).every
    (Channel(name='JSON (AI_OPS_NOTIFY)'),)
    >>> channels_of({"AI_OPS_NOTIFY_ROCKETS": "json://example.com"}).problems[0]
    'AI_OPS_NOTIFY_ROCKETS names no domain: write AI_OPS_NOTIFY_ and one of PREDICTION_LOGGING, \
DRIFT_MONITORING, RETRAINING_PIPELINE, INFERENCE_MANAGEMENT'
    """
    named, problems = {}, []
    known = {VARIABLE, *(variable_of(domain) for domain in get_args(OwnedDomain))}
    for variable in sorted(name for name in environment if name.startswith(VARIABLE)):
        if variable not in known:
            domains = ", ".join(domain.upper() for domain in get_args(OwnedDomain))
            problems.append(f"{variable} names no domain: write {VARIABLE}_ and one of {domains}")
            continue
        urls = environment[variable].split()
        found = [_channel(variable, place, url, len(urls)) for place, url in enumerate(urls, 1)]
        named[variable] = tuple(one for one in found if isinstance(one, Channel))
        problems += [one for one in found if isinstance(one, str)]
    return Channels(named, tuple(problems))


def scrubbed(text: str, url: str) -> str:
    """A text without any part of a URL that may be secret, on one line.

    >>> scrubbed("cannot reach example.com/hook/s3cret", "json://me:word@example.com/hook/s3cret")
    'cannot reach …/…/…'
    """
    for part in sorted(_parts(url), key=len, reverse=True):
        text = text.replace(part, "…")
    return " ".join(text.split())


@cache
def apprise() -> ModuleType:
    """The library, which is loaded by whoever sends, and by nobody else."""
    with warnings.catch_warnings():
        # apprise 2.2.0 imports imghdr for one of its services; until it stops doing that.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import apprise as library
        except ModuleNotFoundError:
            raise MissingExtra(
                f"{VARIABLE} needs apprise: pip install 'ai-ops[platform]'"
            ) from None
        library.Apprise.instantiate("json://localhost")  # loads the services
    # What it logs of a URL that it cannot read is that URL.
    logging.getLogger("apprise").propagate = False
    return library


def _channel(variable: str, place: int, url: str, many: int) -> Channel | str:
    where = variable if many == 1 else f"{variable}, {place}"
    library = apprise()
    with library.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
        service = library.Apprise.instantiate(url)
    if service is not None:
        return Channel(f"{service.service_name} ({where})", url)
    # Its lines about the URL as such repeat it, with a letter of each secret left.
    lines = [line for line in log.getvalue().splitlines() if "URL" not in line]
    said = f" ({scrubbed(' '.join(lines), url)})" if lines else ""
    scheme = url.partition("://")[0][:20] + "://…" if "://" in url else "a text without a service"
    return f"{where}: {scheme} is no URL that apprise can send to{said}; mend it"


def _parts(url: str) -> Iterator[str]:
    """What stands in a URL besides the name of its service, as written and as meant."""
    rest = url.partition("://")[2] or url
    for text in {rest, unquote(rest)}:
        yield from (one for one in re.split(r"[^\w.~%+-]+", text) if _may_be_secret(one))


def _may_be_secret(part: str) -> bool:
    return len(part) > SECRET_LENGTH and part not in _ORDINARY
