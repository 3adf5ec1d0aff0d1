"""Is the rollup what was billed? The verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.costs import Invoice
from ai_ops.inference_management.costs import NANO
from ai_ops.inference_management.invoices import FIELD, Billed, read_invoice
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence, Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

PATIENCE_DAYS: Final = 45
"""How old the newest billed day may be: a month's bill comes some days after its end."""

_COLUMNS: Final = ["total_nano", "rows", "currency"]


@dataclass(frozen=True)
class RolledUp:
    """What the rollups of a span say it cost; ``unknown`` and ``missing`` days say nothing."""

    nano: int
    rows: int
    currencies: tuple[str, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    read: tuple[Evidence, ...]


def judge_cost_reconciled(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """What the newest bill that had ended by this day asks for is what the rollups of its days
    say, as nearly as `costs.invoice.tolerance` wants it."""
    invoice = feature.costs.invoice
    assert invoice is not None, "judged only where an invoice is declared"
    day = date.fromisoformat(moment.partition)
    spans, files = read_invoice(root, invoice)
    begin = feature.monitoring.start
    ended = [span for span in spans if span.last_day <= day and span.first_day >= begin]
    if not ended or (day - ended[-1].last_day).days > PATIENCE_DAYS:
        return _unbilled(ended, begin, moment).with_evidence(*files)
    rolled = roll_up(root.lake, feature.name, ended[-1])
    verdict = judge_reconciled(ended[-1], rolled, invoice, feature.costs.currency)
    return verdict.with_evidence(*files, *rolled.read)


def roll_up(lake: Lake, feature: str, span: Billed) -> RolledUp:
    """The sum of the rollups of a span's days."""
    nano, rows = 0, 0
    unknown, missing, read = [], [], []
    currencies: dict[str, None] = {}
    for day in _window(span).days():
        try:
            # (three columns that every file has: a month of them is read each day)
            table, evidence = lake.read_table(lake.path(feature, "cost_rollup", day), _COLUMNS)
        except MissingEvidence:
            missing.append(day)
            continue
        read.append(evidence)
        totals = table["total_nano"].to_pylist()
        if not totals:
            missing.append(day)
        elif None in totals:
            unknown.append(day)
        else:
            nano += sum(totals)
        rows += sum(table["rows"].to_pylist())
        currencies |= dict.fromkeys(table["currency"].to_pylist())
    return RolledUp(nano, rows, tuple(currencies), tuple(unknown), tuple(missing), tuple(read))


def judge_reconciled(span: Billed, rolled: RolledUp, invoice: Invoice, currency: str) -> Verdict:
    """The verdict on one span of the bill."""
    window = _window(span)
    if lacking := _not_comparable(span, rolled, currency):
        return Verdict.lacking(lacking, "cost", window=window, sample_size=rolled.rows)
    ours = Decimal(rolled.nano) / NANO
    more = ours - span.amount
    share = float(more / span.amount) if span.amount else None
    observed: dict[str, Observed] = {
        "first_day": span.first_day.isoformat(),
        "last_day": span.last_day.isoformat(),
        "billed": float(span.amount),
        "rolled_up": round(float(ours), 6),
        "difference": round(float(more), 6),
        "share": None if share is None else round(share, 4),
        "currency": currency,
    }
    said = (
        f"{span.amount.normalize():f} {currency} were billed for {span.words} and the rollups of "
        f"these days say {ours:.4f}"
    )
    if abs(more) > Decimal(repr(invoice.tolerance)) * abs(span.amount):
        by = f"{share:+.1%}" if share is not None else f"{more:+.4f} {currency}"
        reason = f"{said}: {by}, {invoice.tolerance:.0%} are allowed"
        begin = window.start
        finding = Finding("cost", "fail", reason, window=window, begin=begin, size=share)
        return Verdict.failing(reason, finding, sample_size=rolled.rows, observed=observed)
    days = sum(1 for _ in window.days())
    return Verdict.passing(
        f"{said}; {invoice.tolerance:.0%} of difference are allowed",
        sample_size=days,
        observed=observed,
    )


def _not_comparable(span: Billed, rolled: RolledUp, currency: str) -> str | None:
    others = sorted({span.currency, *rolled.currencies} - {currency})
    if others:
        return (
            f"{span.words} is in {', '.join(others)} and costs.currency is {currency}: amounts of "
            "two currencies are not compared"
        )
    for days, what in ((rolled.missing, "have no rollup"), (rolled.unknown, "have no known cost")):
        if days:
            shown = ", ".join(days[:3]) + (f" and {len(days) - 3} more" if len(days) > 3 else "")
            return f"{len(days)} of the days billed ({span.words}) {what}: {shown}"
    return None


def _unbilled(ended: Sequence[Billed], begin: date, moment: Moment) -> Verdict:
    if ended:
        newest = f"the newest span ends on {ended[-1].last_day}"
        reason = f"{newest}, more than {PATIENCE_DAYS} days before {moment.partition}"
    else:
        reason = f"no span of days from {begin} on that ended by {moment.partition}"
    return Verdict.lacking(f"{FIELD}: {reason}; add the bill", "cost", window=moment.window)


def _window(span: Billed) -> Window:
    days = (span.last_day - span.first_day + timedelta(days=1)).days
    return Window.trailing(span.last_day, days=days)
