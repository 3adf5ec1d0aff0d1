"""``ai-ops audit``: hand a feature's days to an auditor, and check what was handed over."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ai_ops.cli.audit_contents import Contents
from ai_ops.cli.audit_keys import keys_in
from ai_ops.cli.audit_report import as_data, code_of, in_words
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    features_below,
    open_root,
    print_json,
    resolve_feature,
    span,
    told,
)
from ai_ops.cli.deciding import ByOption, signer
from ai_ops.storage.bundle import BundleWriter, Subject, new_file
from ai_ops.storage.bundle_check import check_bundle
from ai_ops.storage.bundle_ledger import Signed
from ai_ops.storage.identities import identities_of
from ai_ops.storage.signatures import fingerprint
from ai_ops.vocabulary.errors import BadInput

app = typer.Typer(help="Bundles for auditors: signed, checked offline.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Bundles for auditors: signed by a person, checked by whoever has the public key."""


@app.command()
@told
def export(
    feature: FeatureArgument,
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First UTC day.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last UTC day, included.")],
    to_file: Annotated[
        Path, typer.Option("--to-file", metavar="BUNDLE", help="The zip to write; a new file.")
    ],
    by: ByOption = None,
    without_rows: Annotated[
        bool,
        typer.Option("--without-rows", help="No prediction's row, only the digests of the logs."),
    ] = False,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Write a signed bundle of some days: log, ledger, checklists, model cards.

    It carries what the log carries, personal data too where the privacy policy keeps them. What is
    missing of the days is named in it and told here; it is exported all the same.
    """
    spec, window = resolve_feature(feature), span(first, last)
    opened, person = open_root(root), signer(by)
    identities = identities_of(opened)
    identities.sign(person, b"")  # a key that is missing or locked is told before the work is done
    key = identities.public_key(person)
    if key is None:
        raise BadInput(f"{identities.folder}: no public key of {person}: {person}.pub is missing")
    days = list(window.days())
    clock = opened.clock
    subject = Subject(
        spec.name, days[0], days[-1], clock.now().isoformat(), clock.mode, person, key
    )
    with new_file(to_file) as file:
        bundle = BundleWriter(file, subject)
        yaml = features_below()[spec.name]
        Contents(opened, spec, yaml, window, not without_rows, bundle).write()
        bundle.finish(lambda content: identities.sign(person, content))
    checked = check_bundle(to_file, {})
    if checked.problems:
        to_file.unlink()
        raise BadInput("; ".join(checked.problems))
    # Whoever exports knows the key; whose decisions hold is for whoever verifies to say.
    checked = replace(checked, unproven="", decisions=Signed())
    if as_json:
        print_json(as_data(to_file, checked) | {"size_bytes": to_file.stat().st_size})
        return
    for line in in_words(to_file, checked):
        typer.echo(line)
    typer.echo(f"{to_file}: tell whoever checks it the key's fingerprint: {fingerprint(key)}")


@app.command()
@told
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The zip that was handed over.")],
    keys: Annotated[
        list[Path] | None,
        typer.Option(
            "--keys", metavar="FILE", help="Public keys: EMAIL KEY a line, a .pub file, or JSON."
        ),
    ] = None,
    yaml: Annotated[
        list[Path] | None,
        typer.Option("--yaml", metavar="FILE", help="A feature's YAML that you had before."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a bundle offline, with nothing but public keys: no root, no ledger, no network.

    Any changed, missing or added byte is found. Ends with 0 when all holds, 1 when anything does
    not, 3 when no key was given: what a bundle says of its own key proves nothing.
    """
    checked = check_bundle(bundle, keys_in(keys or (), yaml or ()))
    if as_json:
        print_json(as_data(bundle, checked))
    else:
        for line in in_words(bundle, checked):
            typer.echo(line)
    raise typer.Exit(code_of(checked))
