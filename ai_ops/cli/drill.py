"""``ai-ops drill``: what is tried before it is needed: load on the endpoint, and the way back."""

import typer

from ai_ops.cli.drill_load import load
from ai_ops.cli.drill_rollback import rollback

app = typer.Typer(no_args_is_help=True)
app.command("load")(load)
app.command("rollback")(rollback)


@app.callback()
def drill() -> None:
    """What is tried before it is needed."""
