"""The status page as one file of HTML: for a phone, without a script, whatever stands in it."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from markupsafe import Markup

from ai_ops.checklist.status_records import (
    FeatureStatus,
    ItemStatus,
    OpenIncident,
    OverdueSignOff,
    worst,
)
from ai_ops.checklist.status_style import STYLE

SIGNS: Final = {
    "green": "✓",
    "amber": "?",
    "red": "✗",
    "pass": "✓",
    "waived": "✓",
    "no_evidence": "?",
    "fail": "✗",
}
"""What a colour means, for whoever does not see it."""

_POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    f"{b64encode(sha256(STYLE.encode()).digest()).decode()}'; base-uri 'none'; form-action 'none'"
)

_PAGE: Final = Markup(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{light}: {names}</title>
<style>{style}</style>
</head>
<body>
<header><h1>May they stay live?</h1>
<p>As it stood on <time datetime="{iso}">{at}</time>{replay}. This file does not change by itself.
</p></header>
<main>
{features}
</main>
</body>
</html>
"""
)

_FEATURE: Final = Markup(
    """<article id="{name}">
<h2>{name}</h2>
<p class="title">{title}</p>
<p class="answer {light}"><strong>{question}</strong> <span>{sign} {answer}</span></p>
<p class="version">{version}</p>
{sections}
</article>"""
)

_SECTION: Final = Markup("<section><h3>{title}</h3>\n<ul>\n{entries}\n</ul></section>")
_ENTRY: Final = Markup('<li class="{kind}">{head}\n{lines}</li>')
_LINE: Final = Markup("<p>{}</p>")
_DIM: Final = Markup('<p class="dim">{}</p>')
_COMMAND: Final = Markup("<p><code>{}</code></p>")
_HEAD: Final = Markup("<h4>{sign} {words}</h4>")
_FOLDED: Final = Markup("<details><summary>{title}</summary>\n<ul>\n{entries}\n</ul></details>")


def page_of(statuses: Sequence[FeatureStatus]) -> str:
    """The page about these features, what is worst first; its file needs nothing else.

    Everything that somebody wrote is escaped, and the page allows no script and no address but
    its own style.
    """
    order = {"red": 0, "amber": 1, "green": 2}
    shown = sorted(statuses, key=lambda one: order[one.light])
    newest = max((one.as_of for one in shown), default=None)
    replayed = any(one.mode == "replay" for one in shown)
    return _PAGE.format(
        policy=_POLICY,
        style=Markup(STYLE),
        light=worst(one.light for one in shown),
        names=_text(", ".join(one.feature for one in shown) or "no AI feature"),
        iso=newest.isoformat() if newest else "",
        at=_moment(newest) if newest else "no day",
        replay=" of a replay" if replayed else "",
        features=_joined(_feature(one) for one in shown),
    )


def _feature(one: FeatureStatus) -> Markup:
    since = f" since {one.live_since:%Y-%m-%d}" if one.live_since else ""
    version = f"Version {one.version} is live{since}." if one.version else "No version is live."
    return _FEATURE.format(
        name=_text(one.feature),
        title=_text(one.title),
        light=one.light,
        question=_text(one.question),
        sign=SIGNS[one.light],
        answer=_text(one.answer),
        version=_text(version),
        sections=_joined(_sections(one)),
    )


def _sections(one: FeatureStatus) -> Iterable[Markup]:
    asked = [
        _entry(
            "no_evidence" if q.overdue else "note",
            f"{q.owner} is asked, by {_moment(q.due_at)}{': overdue' if q.overdue else ''}",
            q.words,
            command=q.command,
        )
        for q in one.asked
    ]
    yield _section("Not green", [_item(line) for line in one.not_green])
    yield _section("Waiting for a person", asked)
    yield _section("Open incidents", [_incident(incident) for incident in one.incidents])
    yield _section(
        "Held",
        [
            _entry("note", f"by {h.by} since {h.since:%Y-%m-%d}", h.reason, command=h.command)
            for h in one.holds
        ],
    )
    yield _section("Not signed off in time", [_unsigned(line) for line in one.overdue])
    yield _section(
        "No sign of life",
        [
            _entry("no_evidence" if s.state == "dead" else "note", s.source, s.words)
            for s in one.machinery
        ],
    )
    if one.not_due:
        yield _section("Not due yet", [_entry("note", words) for words in one.not_due])
    green = [_item(line) for line in one.items if line.green]
    if green:
        yield _FOLDED.format(title=f"Green: {len(green)}", entries=_joined(green))


def _item(one: ItemStatus) -> Markup:
    told = f"{one.owner} · {one.cadence}"
    if one.since is not None:
        told += f" · not green since {one.since:%Y-%m-%d} ({one.days or 0:.0f} days)"
    return _entry(one.status, one.title, one.reason, dim=told, command=one.command)


def _incident(one: OpenIncident) -> Markup:
    told = [one.owner, one.severity, one.state, f"opened {one.opened_at:%Y-%m-%d}"]
    told += ["forbids promotion"] if one.forbids_promotion else []
    if one.under_performing_since:
        told.append(f"counts as under-performing since {one.under_performing_since}")
    kind = "fail" if one.under_performing_since else "note"
    return _entry(kind, one.id, one.reason, dim=" · ".join(told), command=one.command)


def _unsigned(one: OverdueSignOff) -> Markup:
    return _entry("no_evidence", one.title, one.words, command=one.command)


def _section(title: str, entries: Sequence[Markup]) -> Markup:
    return _SECTION.format(title=title, entries=_joined(entries)) if entries else Markup("")


def _entry(
    kind: str, head: str, words: str = "", *, dim: str = "", command: str | None = None
) -> Markup:
    lines = [_DIM.format(_text(dim))] if dim else []
    lines += [_LINE.format(_text(words))] if words else []
    lines += [_COMMAND.format(_text(command))] if command else []
    sign = SIGNS.get(kind, "·")
    title = _HEAD.format(sign=sign, words=_text(head))
    return _ENTRY.format(kind=kind, head=title, lines=_joined(lines))


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("\n").join(part for part in parts if part)


def _text(words: object) -> str:
    """What somebody wrote, without what turns a page's text round or hides in it."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(words))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
