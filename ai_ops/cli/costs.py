"""``ai-ops costs``: what predictions cost, where that is going, and what could be saved."""

import typer

from ai_ops.cli.costs_opportunities import opportunities
from ai_ops.cli.costs_trend import trend

app = typer.Typer(no_args_is_help=True)
app.command()(trend)
app.command()(opportunities)


@app.callback()
def costs() -> None:
    """What predictions cost, where that is going, and what could be saved."""
