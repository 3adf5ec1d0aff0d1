"""``ai-ops identity``: the keys with which people sign what they decide."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DEFS,
    JsonOption,
    RootOption,
    features_below,
    print_json,
    told,
)
from ai_ops.storage.authority import signers
from ai_ops.storage.identities import Identities, identities_of, own_identities
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.words import OwnedDomain

app = typer.Typer(no_args_is_help=True)

PersonArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The person.")]


@app.callback()
def identity() -> None:
    """The keys with which people sign what they decide."""


@app.command()
@told
def init(
    person: PersonArgument, root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False
) -> None:
    """Make a pair of keys; print the public one, and where it goes.

    The private key stays in a file that only you can read. With AI_OPS_IDENTITY_PASSPHRASE it is
    encrypted.
    """
    identities = _identities(root)
    public = identities.create(person)
    places = _places(person)
    if as_json:
        print_json({"person": person, "public_key": public, "folder": str(identities.folder)})
        return
    typer.echo(f"{public}\n")
    typer.echo(f"The public key of {person}; the private one stays in {identities.folder}.")
    files = features_below(DEFS)
    for spec, domains in places:
        typer.echo(f"In {files[spec.name]}, below owners, add to each of these:")
        for domain in domains:
            typer.echo(f'    {domain}:\n      public_keys: {{"{person}": "{public}"}}')
    if not places:
        typer.echo(
            f"No AI feature names {person}; below owners of the features that {person} decides "
            f'about, add to the domain:\n      public_keys: {{"{person}": "{public}"}}'
        )


@app.command("list")
@told
def list_identities(root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False) -> None:
    """List the people whose keys lie here, and the domains that each decides for."""
    identities = _identities(root)
    people = [_as_data(root, identities, person) for person in identities.people()]
    if as_json:
        print_json({"folder": str(identities.folder), "identities": people})
    elif people:
        table = Table("person", "public key", "decides", header_style="bold")
        for one in people:
            decides = "\n".join(f"{d['feature']}: {d['domain']}" for d in one["decides"])
            table.add_row(escape(one["person"]), str(one["public_key"]), escape(decides) or "–")
        Console().print(table)
    if not people:
        raise MissingEvidence(
            f"{identities.folder}: no key lies here; make one: ai-ops identity init EMAIL"
        )


@app.command()
@told
def show(
    person: PersonArgument, root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False
) -> None:
    """Show a person's public key, and the domains that it decides for."""
    identities = _identities(root)
    if identities.public_key(person) is None:
        raise BadInput(
            f"{person}: no key in {identities.folder}; make one: ai-ops identity init {person}"
        )
    shown = _as_data(root, identities, person)
    if as_json:
        print_json(shown)
        return
    typer.echo(shown["public_key"])
    for place in shown["decides"]:
        typer.echo(f"{place['feature']}: {place['domain']}")
    if not shown["decides"]:
        typer.echo("no feature's file names this key: it decides nothing")


def _identities(root: Path) -> Identities:
    """Those of the root, or one's own where there is none: keys are made before installations."""
    return identities_of(Root.open(root)) if root.is_dir() else own_identities(os.environ)


def _as_data(root: Path, identities: Identities, person: str) -> dict[str, Any]:
    public = identities.public_key(person)
    decides = [
        {"feature": spec.name, "domain": domain}
        for spec in _features()
        for domain in OWNED_DOMAINS
        if public is not None and _keys(root, spec, domain).get(person) == public
    ]
    return {"person": person, "public_key": public, "decides": decides}


def _keys(root: Path, spec: AiFeatureSpec, domain: OwnedDomain) -> dict[str, str]:
    """Who may sign for a domain; a replay knows its demo roles besides the feature's file."""
    if root.is_dir():
        return signers(Root.open(root), spec, [domain])
    return spec.owner_of(domain).public_keys


def _places(person: str) -> list[tuple[AiFeatureSpec, list[OwnedDomain]]]:
    """The domains that name a person, feature by feature: where a new key belongs."""
    places = []
    for spec in _features():
        named = [
            domain
            for domain in OWNED_DOMAINS
            if (owner := spec.owner_of(domain)) and person in (owner.accountable, *owner.supporting)
        ]
        if named:
            places.append((spec, named))
    return places


def _features() -> list[AiFeatureSpec]:
    return [load_feature(path) for path in features_below().values()]
