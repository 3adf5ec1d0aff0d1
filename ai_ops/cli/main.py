"""The `ai-ops` command: it assembles the groups of commands, nothing more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

MISSING = "ai-ops needs its platform extra ({error}); install it: pip install 'ai-ops[platform]'"


def run() -> None:
    """The entry point; without the platform extra it names the command that installs it."""
    try:
        app = assemble()
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.split(".")[0] == "ai_ops":
            raise
        print(MISSING.format(error=error), file=sys.stderr)
        sys.exit(2)
    app()


def assemble() -> typer.Typer:
    """The command with all its groups."""
    import typer

    from ai_ops.cli import checklist, demo, drift, evaluate, features, ledger, serve, verdicts

    app = typer.Typer(
        help="A production checklist for AI features that runs itself.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.command()(demo.demo)
    app.command()(demo.ui)
    app.command()(serve.serve)
    app.command()(checklist.checklist)
    app.command()(verdicts.verdicts)
    app.command()(evaluate.evaluate)
    app.add_typer(drift.app, name="drift", help="What drift monitoring stored.")
    app.add_typer(features.app, name="features", help="The AI features and their YAML.")
    app.add_typer(ledger.app, name="ledger", help="The append-only book.")
    return app
