"""``ai-ops ledger``: whether the book of verdicts and decisions is whole."""

from dataclasses import asdict
from typing import Annotated

import typer

from ai_ops.cli.common import DEFAULT_ROOT, JsonOption, RootOption, open_root, print_json, told
from ai_ops.vocabulary.errors import LedgerBroken, MissingEvidence

app = typer.Typer(help="The append-only book of verdicts and decisions.", no_args_is_help=True)


@app.callback()
def ledger() -> None:
    """The append-only book of verdicts and decisions."""


@app.command()
@told
def verify(
    head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head copied earlier: the chain must still hold it."),
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Verify the hash chain from its first block; name the first broken link.

    Each decision was signed on the ledger as its signer saw it: a chain that was made anew before
    the last of them is found by that. What came after it, only a head kept elsewhere can tell.
    """
    book = open_root(root).ledger
    try:
        verified = book.verify(head=head)
    except LedgerBroken as error:
        if as_json:
            print_json({"ok": False, "broken": str(error)})
        raise
    if as_json:
        print_json({"ok": True, **asdict(verified)})
    if verified.head is None:
        raise MissingEvidence(f"{root}: the ledger is empty, there is nothing to verify")
    if not as_json:
        typer.echo(
            f"{verified.blocks:,} blocks with {verified.events:,} events hold; head {verified.head}"
        )
