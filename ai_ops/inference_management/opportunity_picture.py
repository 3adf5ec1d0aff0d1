"""The picture of what could cost less: the bill by its parts, and beside it what could be saved."""

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.inference_management.opportunities import NANO, Opportunities, Opportunity

BUSY, IDLE, STORAGE, TOKENS = "#c2410c", "#fdba74", "#9ca3af", "#7c3aed"
CASH, CAPACITY = "#15803d", "#86efac"
SHOWN = 6


def draw_opportunities(found: Opportunities) -> bytes | None:
    """A PNG: what the days cost, and the savings that are worth most; None where nothing was."""
    if not found.rows:
        return None
    savings = found.savings[:SHOWN]
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    height = 1.2 + 0.45 * (1 + len(savings))
    figure = Figure(figsize=(6.0, height), dpi=90)
    FigureCanvasAgg(figure)
    margins = {"left": 0.26, "right": 0.97, "bottom": 0.75 / height, "top": 1 - 0.3 / height}
    axes = figure.subplots(gridspec_kw=margins)
    spent = found.spent
    parts = (
        ("busy", BUSY, spent.busy_nano),
        ("idle", IDLE, spent.idle_nano),
        ("storage", STORAGE, spent.storage_nano),
        ("tokens", TOKENS, spent.tokens_nano),
    )
    left = 0.0
    for name, colour, nano in parts:
        if nano:
            axes.barh("the bill", nano / NANO, left=left, color=colour, label=name, height=0.6)
            left += nano / NANO
    for place, one in enumerate(savings):
        cash, capacity = (one.cash_nano or 0) / NANO, (one.capacity_nano or 0) / NANO
        label = f"{place + 1}. {_name(one)}"
        # A label that begins with a line is left out of the legend.
        told, freed = ("saved", "freed") if place == 0 else ("_saved", "_freed")
        axes.barh(label, cash, color=CASH, height=0.6, label=told)
        axes.barh(label, capacity, left=cash, color=CAPACITY, height=0.6, label=freed)
    axes.invert_yaxis()
    axes.set_title(f"{found.feature}: {found.first_day} to {found.last_day}", fontsize=10)
    axes.set_xlabel(spent.currency, fontsize=8)
    axes.tick_params(labelsize=8)
    if left:
        figure.legend(fontsize=7, frameon=False, ncols=6, loc="lower right")
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _name(one: Opportunity) -> str:
    who = one.call_site or one.tenant or (f"version {one.version}" if one.version else "")
    name = one.kind.replace("_", " ")
    # A mathematical text would be typeset: a call site may hold any sign.
    return f"{name} {who}".strip().replace("$", r"\$")[:28]
