"""What stands at the top of the report that people look at: the verdicts, from every row, beside
what Evidently says of its sample, and the pictures."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from ai_ops.drift_monitoring.carriers import Carriers, carried_by
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.evidently_page import BORDER, TITLES, EvidentlyValue
from ai_ops.vocabulary.verdicts import Verdict

STYLE: Final = """
.ai-ops { font: 14px/1.5 system-ui, sans-serif; color: #1f2937; background: #fff;
  max-width: 1240px; margin: 24px auto; padding: 0 24px; }
.ai-ops h1 { font-size: 22px; margin: 0 0 8px; } .ai-ops h2 { font-size: 17px; margin: 28px 0 6px; }
.ai-ops table { border-collapse: collapse; width: 100%; font-size: 13px; }
.ai-ops th { text-align: left; font-weight: 600; vertical-align: bottom; white-space: nowrap; }
.ai-ops th, .ai-ops td { padding: 4px 8px; border-bottom: 1px solid #e5e7eb; }
.ai-ops th.group { white-space: normal; text-align: center; border-bottom: 2px solid #9ca3af; }
.ai-ops th.number, .ai-ops td.number { text-align: right; font-variant-numeric: tabular-nums; }
.ai-ops .edge { border-left: 2px solid #e5e7eb; }
.ai-ops .beyond { background: #fff7ed; } .ai-ops .beyond .mark { color: #c2410c; font-weight: 600; }
.ai-ops .picture { max-width: 100%; height: auto; display: block; margin: 8px 0; }
.ai-ops .name { white-space: nowrap; }
.ai-ops .small { color: #4b5563; font-size: 13px; } .ai-ops .wide { overflow-x: auto; }
"""
HEADS: Final = (
    ("column", ""), ("statistic", ""), ("Evidently", "number"), ("profile", "number"),
    ("Evidently says", ""), ("judged by", "edge"), ("value", "number"), ("threshold", "number"),
    ("ratio", "number"), ("severity", ""), ("beyond since", ""), ("where", ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG and what it shows, for whoever cannot see it."""

    png: bytes
    words: str


@dataclass(frozen=True)
class PageFacts:
    """What the section tells: ``sample`` and ``sample_reference`` are rows that Evidently saw,
    ``read`` how many of the window's rows were read to choose them, ``cause`` what was stored of
    why (part of the day's report, as data)."""

    title: str
    verdicts: Mapping[str, Verdict]
    columns: Sequence[ColumnDrift]
    evidently: Mapping[str, EvidentlyValue]
    sample: int
    sample_reference: int
    read: int
    cause: Mapping[str, Any] | None = None
    pictures: Sequence[Picture] = field(default=())


def section_of(facts: PageFacts) -> str:
    """The section as HTML; every text in it is text, whatever it says."""
    return (
        f'<section class="ai-ops"><h1>{escape(facts.title)}</h1>'
        f"{_verdicts(facts.verdicts)}{_cause(facts.cause)}"
        f'<h2>Each column, from every row and from a sample</h2><div class="wide">{_table(facts)}'
        f"</div>{_notes(facts)}{''.join(map(_picture, facts.pictures))}"
        f"<h2>Evidently, from a sample of {facts.sample:,} rows</h2></section>"
    )


def _verdicts(verdicts: Mapping[str, Verdict]) -> str:
    lines = (
        f"<li><b>{escape(name)}: {escape(verdict.status)}</b>. {escape(verdict.reason)}</li>"
        for name, verdict in verdicts.items()
    )
    return f"<ul>{''.join(lines)}</ul>"


def _cause(cause: Mapping[str, Any] | None) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in cause_lines(cause))
    return f"<h2>Cause</h2><ul>{lines}</ul>" if lines else ""


def cause_lines(cause: Mapping[str, Any] | None) -> list[str]:
    """What was stored of why columns drifted, a line for each; nothing where nobody looked.

    >>> cause_lines({"columns": [{"column": "fee", "cause": "bad_data", "reason": "times 10"}]})
    ['fee: bad data: times 10']
    """
    columns = (cause or {}).get("columns", ())
    return [
        f"{one['column']}: {one['cause'].replace('_', ' ')}: {one['reason']}" for one in columns
    ]


def _table(facts: PageFacts) -> str:
    rows = max((column.n_current for column in facts.columns), default=0)
    both = f"Evidently, from a sample of {facts.sample:,} rows; profile, from all {rows:,} rows"
    groups = (
        ("", 2, ""),
        (both, 3, ""),
        ("our verdict, from all rows", 7, " edge"),
    )
    top = "".join(f'<th colspan="{n}" class="group{more}">{t}</th>' for t, n, more in groups)
    heads = "".join(f'<th class="{kind}">{head}</th>' for head, kind in HEADS)
    ordered = sorted(facts.columns, key=lambda column: -(column.ratio or 0.0))
    body = "".join(_row(column, facts.evidently.get(column.column)) for column in ordered)
    if not facts.columns:  # nobody has judged that day
        body = "".join(_unjudged(name, told) for name, told in facts.evidently.items())
    return f"<table><thead><tr>{top}</tr><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row(column: ColumnDrift, told: EvidentlyValue | None) -> str:
    method = told.method if told else None
    own = {"wasserstein": column.wasserstein, "jensenshannon": column.js}.get(method or "")
    word = "not shown" if told is None else "drift" if told.drifted else "no drift"
    cells = (
        (column.column, "mark"),
        (TITLES[method] if method else "–", "name"),
        (_number(told.value if told else None), "number"),
        (_number(own), "number"),
        (word, ""),
        (column.test or "–", "edge"),
        (_number(column.value), "number"),
        (_number(column.limit), "number"),
        (_number(column.ratio, 2), "number mark"),
        (column.severity or "–", ""),
        (column.beyond_since or _why(column), ""),
        (carried_by(Carriers(column.call_site, column.tenant)) or "–", ""),
    )
    return _cells(cells, "beyond" if column.beyond else "")


def _unjudged(name: str, told: EvidentlyValue) -> str:
    known = [(name, ""), (TITLES[told.method], "name"), (_number(told.value), "number")]
    word = "drift" if told.drifted else "no drift"
    none = [("–", kind) for _, kind in HEADS[5:]]
    return _cells([*known, ("–", "number"), (word, ""), *none], "")


def _cells(cells: Iterable[tuple[str, str]], kind_of_row: str) -> str:
    inner = "".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in cells)
    return f'<tr class="{kind_of_row}">{inner}</tr>'


def _why(column: ColumnDrift) -> str:
    """What stands in the place of a begin."""
    if column.missing:
        return "missing from the log"
    if column.ratio is None:
        return "cannot be judged"
    return "within" if column.ratio <= 1 else "window not full"


def _notes(facts: PageFacts) -> str:
    flagged = sum(told.drifted for told in facts.evidently.values())
    told = (
        f"Evidently calls {flagged} of {len(facts.evidently)} columns drifted: its border is "
        f"{BORDER} for every column and sample, and it leaves out nulls and rows that are missing. "
        "Wasserstein is in standard deviations of the reference. The verdict is read from profiles "
        "of every row, each column by thresholds learnt from its own reference. The sample: each "
        f"day its share of {facts.sample:,} rows, from pieces spread over the day ({facts.read:,} "
        f"rows were read), and {facts.sample_reference:,} rows of the reference. What happened "
        "only between those pieces is in the profile and not in the sample."
    )
    return f'<p class="small">{escape(told)}</p>'


def _picture(picture: Picture) -> str:
    data = b64encode(picture.png).decode()
    return f'<img class="picture" alt="{escape(picture.words)}" src="data:image/png;base64,{data}">'


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def words_of(columns: Iterable[ColumnDrift], limit: int = 6) -> str:
    """The columns that went furthest, with how far, as a picture's alternative text.

    >>> words_of([])
    'no column'
    """
    furthest = sorted(columns, key=lambda column: -(column.ratio or 0.0))[:limit]
    told = (f"{c.column} at {_number(c.ratio, 2)} of its threshold" for c in furthest)
    return ", ".join(told) or "no column"
