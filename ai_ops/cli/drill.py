"""``ai-ops drill``: what is tried before it is needed: load on the endpoint, and the way back."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def drill() -> None:
    """What is tried before it is needed."""
