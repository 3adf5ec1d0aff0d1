"""The `ai-ops` command: it assembles the groups of commands, nothing more."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import typer

COMMANDS = (
    ("demo", "demo"),
    ("ui", "demo"),
    ("serve", "serve"),
    ("ship", "ship"),
    ("witness", "witness"),
    ("writers", "writers"),
    ("watchdog", "watchdog"),
    ("status", "status"),
    ("checklist", "checklist"),
    ("readiness", "readiness"),
    ("verdicts", "verdicts"),
    ("backfill", "backfill"),
    ("evaluate", "evaluate"),
    ("history", "history"),
    ("playbook", "playbook"),
    ("sign", "sign"),
    ("freeze-gate", "decisions"),
    ("waive", "decisions"),
    ("sign-off", "decisions"),
    ("review", "decisions"),
    ("hold", "decisions"),
    ("release", "decisions"),
    ("launch", "production"),
    ("retrain", "retrain"),
    ("cadence", "cadence"),
    ("approve", "decisions"),
    ("reject", "decisions"),
    ("promote", "production"),
    ("rollback", "production"),
    ("environments", "environments"),
    ("stage", "environments"),
    ("challenge", "environments"),
    ("requirements", "requirements"),
    ("owners", "owners"),
)
"""Each command and the module below ``ai_ops.cli`` that has it as a function of that name (where
the command has a hyphen, the function has an underscore)."""

GROUPS = (
    ("audit", "Signed bundles for auditors."),
    ("call-sites", "How each call site asks: one by one or in batches, seen and signed."),
    ("costs", "What predictions cost, and where that is going."),
    ("drift", "What drift monitoring stored."),
    ("drill", "What is tried before it is needed: load, and the way back."),
    ("environment", "The packages that retraining may run with."),
    ("features", "The AI features and their YAML."),
    ("identity", "The keys with which people sign what they decide."),
    ("incidents", "The alerts that are being answered."),
    ("labels", "Labels that people give: forms handed out and taken back."),
    ("ledger", "The append-only book."),
    ("notifications", "Over which channels people are told, and whether it arrives."),
    ("predictions", "The predictions that were logged, each answered for."),
)
"""Each group of commands, a module with an ``app``, and its help."""

MISSING = "ai-ops {name} needs {module}, which is not installed: pip install 'ai-ops[{extra}]'"


def run() -> None:
    """The entry point; without any extra it names the command that installs one."""
    try:
        app = assemble(_named(sys.argv[1:]))
    except ModuleNotFoundError as error:
        print(_missing("", error), file=sys.stderr)
        sys.exit(2)
    try:
        app()
    except SystemExit as end:
        _leave(end)
        raise


def _leave(end: SystemExit) -> None:
    """End the process here, after Python's own exit functions, with the code that was asked for.

    What follows otherwise is the teardown of native libraries (torch, Arrow, DuckDB), which now
    and then aborts a process whose work is done: "terminate called without an active exception".
    """
    if end.code is None or isinstance(end.code, int):
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(end.code or 0)


def _named(arguments: Sequence[str]) -> str | None:
    """The command or group that was typed; None where none is, or one that there is not."""
    known = {name for name, _ in (*COMMANDS, *GROUPS)}
    return arguments[0] if arguments and arguments[0] in known else None


def assemble(only: str | None = None) -> typer.Typer:
    """The command with all its groups, or with ``only`` the one that was typed: what the others
    import takes seconds. One whose extra is missing says how to install it."""
    import typer

    app = typer.Typer(
        help="A production checklist for AI features that runs itself.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",  # or the lines of a docstring would break where they do there
    )
    app.callback(invoke_without_command=True)(_root)  # or --version would need a command
    for name, module in COMMANDS:
        if only not in (None, name):
            continue
        try:
            function = getattr(import_module(f"ai_ops.cli.{module}"), name.replace("-", "_"))
            app.command(name)(function)
        except ModuleNotFoundError as error:
            app.command(name, **_ANYTHING)(_refusing(name, error))
    for name, summary in GROUPS:
        if only not in (None, name):
            continue
        try:
            group = import_module(f"ai_ops.cli.{name.replace('-', '_')}").app
            app.add_typer(group, name=name, help=summary)
        except ModuleNotFoundError as error:
            app.command(name, help=summary, **_ANYTHING)(_refusing(name, error))
    return app


def _root(version: bool = False) -> None:
    """A production checklist for AI features that runs itself."""
    if version:
        from importlib.metadata import version as installed

        print(installed("ai-ops"))
        sys.exit(0)


# A command that is not there takes every argument, so that its message is what is seen.
_ANYTHING: dict[str, Any] = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}
}


def _refusing(name: str, error: ModuleNotFoundError) -> Callable[[], None]:
    message = _missing(name, error)

    def refuse() -> None:
        print(message, file=sys.stderr)
        sys.exit(2)

    return refuse


def _missing(name: str, error: ModuleNotFoundError) -> str:
    if error.name is None or error.name.split(".")[0] == "ai_ops":
        raise error
    extra = {"serve": "serving", "ship": "shipping"}.get(name, "platform")
    return MISSING.format(name=name, module=error.name, extra=extra).replace("  ", " ")
