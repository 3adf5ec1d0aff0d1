"""``ai-ops owners``: who answers for what: the matrix of responsibility, and CODEOWNERS."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.checklist.responsibility import keyless, responsibilities
from ai_ops.cli.codeowners import codeowners
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    JsonOption,
    RootOption,
    features_below,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.storage.authority import ANSWERED_BY, AUTHORITY
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import Domain

DOMAINS: Final[tuple[Domain, ...]] = (*OWNED_DOMAINS, "accuracy_evaluation")
TOLD: Final[Mapping[str, str]] = {
    "supported by": "supporting",
    "assets": "assets",
    "checks": "checks",
    "answers": "alerts",
    "is asked": "questions",
    "decides": "decides",
}
"""What is told of a domain, and how it is called in the data."""


@told
def owners(
    feature: Annotated[str | None, typer.Argument(help="An AI feature; all if none.")] = None,
    as_codeowners: Annotated[
        bool, typer.Option("--codeowners", help="Print the CODEOWNERS file of this folder.")
    ] = False,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Say who is accountable for each item and each domain, and who supports: with the checks,
    alerts, assets and questions of a domain, and what its owner decides.

    What is allowed and wrong enough to be told is: one person who holds all four domains, an owner
    who has no key to sign with.
    """
    if as_codeowners and (as_json or feature):
        raise BadInput("--codeowners: the file is about all features; leave the others out")
    if as_codeowners:
        files = features_below()
        specs = {file.parent: load_feature(file) for file in files.values()}
        typer.echo(codeowners(specs, Path.cwd()), nl=False)
        return
    names = [feature] if feature else list(features_below())
    found = [matrix_of(resolve_feature(name), root) for name in names]
    if as_json:
        print_json({"features": found})
        return
    for one in found:
        _print(one)


def matrix_of(feature: AiFeatureSpec, folder: Path) -> dict[str, Any]:
    """The matrix of a feature as JSON-ready data; ``folder`` is that of the root."""
    made = _made(feature)
    without = list(keyless(Root.open(folder), feature)) if folder.is_dir() else []
    return {
        "feature": feature.name,
        "flags": [*feature.flags, *without],
        "items": [
            {
                "id": one.item,
                "title": one.title,
                "cadence": one.cadence,
                "domain": one.domain,
                "accountable": one.accountable,
                "supporting": list(one.supporting),
                "checks": list(one.checks),
            }
            for one in responsibilities(feature)
        ],
        "domains": [_domain(feature, domain, made) for domain in DOMAINS],
    }


def _domain(
    feature: AiFeatureSpec, domain: Domain, made: Mapping[str, Mapping[str, list[str]]]
) -> dict[str, Any]:
    owner = feature.owner_of(domain)
    return {
        "domain": domain,
        "accountable": owner.accountable,
        "supporting": list(owner.supporting),
        "assets": made["assets"].get(domain, []),
        "checks": made["checks"].get(domain, []),
        "alerts": [alert for alert, by in ANSWERED_BY.items() if by == domain],
        "questions": questions_of(domain),
        "decides": [kind for kind, domains in AUTHORITY.items() if domain in domains],
    }


def questions_of(domain: Domain) -> list[str]:
    """What playbooks ask of a domain: each the alert and its step."""
    # Their steps import what takes them: nobody else who asks for the file of owners waits.
    from ai_ops.playbook.playbooks import PLAYBOOKS

    return [
        f"{playbook.alert}: {step.name}"
        for playbook in PLAYBOOKS.values()
        for step in playbook.steps
        if step.asks is not None and (step.asks.domain or playbook.answered_by) == domain
    ]


def _made(feature: AiFeatureSpec) -> dict[str, dict[str, list[str]]]:
    """The assets and the checks of each domain."""
    # What Dagster knows takes two seconds to import.
    from ai_ops.component import CHECKS, assets_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is in beta in Dagster
        every = assets_of(feature)
    assets: dict[str, list[str]] = {}
    for asset in every:
        group = next(iter(asset.group_names_by_key.values()))
        assets.setdefault(group, []).append(asset.key.path[-1])
    checks: dict[str, list[str]] = {}
    for check in CHECKS:
        if check.applies(feature):
            checks.setdefault(check.domain, []).append(check.name)
    return {"assets": assets, "checks": checks}


def _print(one: Mapping[str, Any]) -> None:
    table = Table(title=one["feature"])
    for title in ("item", "list", "domain", "accountable, supporting"):
        table.add_column(title, overflow="fold")
    for item in one["items"]:
        people = [
            shown(item["accountable"]),
            *(f"[dim]{shown(x)}[/dim]" for x in item["supporting"]),
        ]
        table.add_row(item["title"], item["cadence"], item["domain"], "\n".join(people))
    console = Console()
    console.print(table)
    for domain in one["domains"]:
        console.print(f"[bold]{domain['domain']}[/bold]: {shown(domain['accountable'])}")
        for title, name in TOLD.items():
            if domain[name]:
                console.print(f"  {title}: {', '.join(domain[name])}", highlight=False)
    for flag in one["flags"]:
        typer.echo(f"warning: {flag}", err=True)
