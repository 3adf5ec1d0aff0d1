"""The page that ``ai-ops predictions explain`` prints: sections of names and what is known."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from ai_ops.cli.common import coloured, shown

Line = tuple[str, str]
"""A name and its words; the words are rich's markup, every text in them escaped."""

_COLOURS = {"match": "green", "differs": "red", "impossible": "yellow"}
_UNKNOWN = "[yellow]not known[/yellow]"


def print_page(told: Mapping[str, Any], console: Console) -> None:
    """Print an explanation, in the order in which somebody asks."""
    console.print(f"[bold]{shown(told['feature'])}: prediction {shown(told['id'])}[/bold]")
    for title, lines in _sections(told):
        table = Table(show_header=False, box=None, padding=(0, 1), expand=True)
        table.add_column(no_wrap=True, style="dim")
        table.add_column(ratio=1, overflow="fold")
        for name, words in lines:
            table.add_row(shown(name), words)
        console.print(f"\n[bold]{title}[/bold]")
        console.print(table)


def _sections(told: Mapping[str, Any]) -> Iterator[tuple[str, list[Line]]]:
    yield "What was asked and answered", list(_asked(told))
    yield "Input", list(_members(told["prediction"]["input"]))
    yield "Output", list(_members(told["prediction"]["output"]))
    yield "The version that answered", list(_version(told))
    yield "Scored again by that version", list(_replay(told["replay"]))
    yield "What was known at that moment", list(_verdicts(told["verdicts"]["then"]))
    yield "What is known now of its day", list(_verdicts(told["verdicts"]["on_its_day"]))
    yield "Incidents", list(_incidents(told["incidents"]))
    yield "The correct answer, and how long this is kept", list(_after(told))
    if told["missing"]:
        yield "Missing", [("–", f"[yellow]{shown(line)}[/yellow]") for line in told["missing"]]


def _asked(told: Mapping[str, Any]) -> Iterator[Line]:
    one = told["prediction"]
    names = ("time", "status", "error", "withheld", "latency_ms", "call_site", "mode", "tenant")
    for name in (*names, "subject", "request_id"):
        if one[name] is not None:
            rule = told["privacy"].get(name)
            note = f" [dim]({shown(rule)} by the privacy policy)[/dim]" if rule else ""
            yield name.replace("_", " "), shown(one[name]) + note
    yield "read from", shown(_file(told["evidence"]))
    if told["others"]:
        days = ", ".join(other["time"][:16] for other in told["others"])
        yield "further", shown(f"{len(told['others'])} more records of this id: {days}")


def _file(evidence: Mapping[str, Any]) -> str:
    agrees = {
        True: "; the file that was judged",
        False: "; NOT the file that was judged: it was written anew or altered since",
        None: "",
    }[evidence["agrees"]]
    return f"{evidence['file']}{agrees}"


def _members(members: Mapping[str, Any] | None) -> Iterator[Line]:
    if members is None:
        yield "–", _UNKNOWN
        return
    for name, value in members.items():
        yield name or "(not a mapping)", shown(value)


def _version(told: Mapping[str, Any]) -> Iterator[Line]:
    version, live = told["version"], told["live"]
    yield "version", shown(f"{version['version'] or '–'}, {version['whose']}")
    colour = {True: "green", False: "red", None: "yellow"}[live["agrees"]]
    yield "live then", f"[{colour}]{shown(live['reason'])}[/{colour}]"
    if registered := version.get("registered"):
        yield "registered", shown(registered["registered_at"][:16])
        yield "training data", shown(registered["training_data_digest"] or "not known")
    for move in version.get("moves", ()):
        words = f"{move['at'][:16]} by {move['by']}"
        yield move["kind"], shown(f"{words}: {move['reason']}" if move["reason"] else words)
    if approval := version.get("approval"):
        decided = "approved" if approval["approved"] else "rejected"
        yield decided, shown(f"{approval['at'][:16]} by {approval['by']}: {approval['reason']}")
    if gate := version.get("gate"):
        words = f"{gate['hash'][:12]}… frozen {gate['at'][:16]} by {gate['by']}"
        yield "gate", shown(words)
    for one in version.get("passed", ()):
        yield one["item"], f"{coloured(one['status'])} {shown(one['reason'])}"


def _replay(replay: Mapping[str, Any]) -> Iterator[Line]:
    colour = _COLOURS[replay["status"]]
    yield replay["status"], f"[{colour}]{shown(replay['reason'])}[/{colour}]"
    if replay["logged"]:
        yield "logged", shown(_told(replay["logged"]))
        yield "now", shown(_told(replay["replayed"]))


def _told(members: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in members.items())


def _verdicts(found: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    nothing = True
    for one in found:
        nothing = False
        day = one["window"]["start"][:10]
        yield one["item"], f"{coloured(one['status'])} ({day}) {shown(one['reason'])}"
    if nothing:
        yield "–", "[yellow]nothing was judged[/yellow]"


def _incidents(told: Mapping[str, Any]) -> Iterator[Line]:
    named = {"open_then": "open then", "begun_by_then": "begun, opened later"}
    for key, words in named.items():
        for one in told[key]:
            yield words, shown(f"{one['id']} ({one['alert']}, {one['state']}): {one['reason']}")
    if not any(told[key] for key in named):
        yield "–", "none was open, by the ledger"


def _after(told: Mapping[str, Any]) -> Iterator[Line]:
    label, kept = told["label"], told["retention"]
    if label["label"] is None:
        yield "label", f"{_UNKNOWN}: {shown(label['reason'])}"
    else:
        right = {True: "; the decision was right", False: "; the decision was wrong", None: ""}
        yield "label", shown(f"{label['label']}, {label['reason']}{right[label['agrees']]}")
    for one in label["contradicted"]:
        yield "contradicted", shown(one)
    over = ", which is over" if kept["is_over"] else ""
    yield "kept", shown(f"{kept['days']} days, until {kept['until'][:10]}{over}")
