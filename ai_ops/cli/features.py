"""``ai-ops features``: which AI features there are, and whether their YAML says what it must."""

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec, find_features, load_feature
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.cli.common import (
    BAD,
    DEFAULT_ROOT,
    DEFS,
    FeatureArgument,
    JsonOption,
    RootOption,
    features_below,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.features_init import init
from ai_ops.playbook.notifying.channels import channels_of
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.storage.clocks import WallClock
from ai_ops.storage.files import replacing
from ai_ops.vocabulary.errors import BadFeatureFile, BadInput, MissingEvidence

app = typer.Typer(help="The AI features that are monitored.", no_args_is_help=True)
app.command(context_settings={"allow_extra_args": True})(init)


@app.command("list")
@told
def list_features(as_json: JsonOption = False) -> None:
    """List the AI features, since when each is monitored, and who is accountable."""
    specs = [load_feature(path) for path in features_below().values()]
    if as_json:
        print_json({"features": [_as_data(spec) for spec in specs]})
        return
    table = Table(header_style="bold")
    for title in ("feature", "question", "served by", "monitored", "accountable"):
        table.add_column(title)
    for spec in specs:
        people = dict.fromkeys(spec.owner_of(domain).accountable for domain in OWNED_DOMAINS)
        until = f" … {spec.monitoring.end}" if spec.monitoring.end else " …"
        since = f"{spec.monitoring.start}{until}"
        table.add_row(spec.name, spec.title, spec.served_by, since, "\n".join(people))
    Console().print(table)


@app.command()
@told
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Names, YAML files or folders; all features if none."),
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Check the YAML of AI features and the data that it names: every mistake with its mend.

    A mistake has file, line and field, or file, column and row. Warnings do not fail the check.
    The channels that the environment names for notifications (`AI_OPS_NOTIFY`) are checked too.
    """
    files = [file for path in paths or [] for file in _files(path)]
    files = files or list(features_below().values())
    results = [_checked(file, root) for file in files]
    problems = channels_of(os.environ).problems
    if as_json:
        print_json({"features": results, "channels": list(problems)})
    else:
        _print_results(results)
        for problem in problems:
            typer.echo(problem, err=True)
    if problems or any(result["mistakes"] for result in results):
        raise typer.Exit(BAD)


@app.command("export-client")
@told
def export_client(
    name: FeatureArgument,
    to: Annotated[
        Path | None, typer.Option(help="The file to write; FEATURE.logging.json if not said.")
    ] = None,
    defs: Annotated[Path, typer.Option(help="Folder of the AI features' YAML.")] = DEFS,
    as_json: JsonOption = False,
) -> None:
    """Write how an application logs the feature: the file that its PredictionLog follows."""
    feature = resolve_feature(name, defs)
    policy, file = policy_of(feature), to or Path(f"{feature.name}.logging.json")
    try:
        with replacing(str(file.absolute())) as fresh:
            Path(fresh).write_bytes(policy.dump())
    except OSError as error:
        raise BadInput(f"--to: {file} cannot be written ({error.strerror})") from error
    if as_json:
        told_of = {"feature": feature.name, "file": str(file), "digest": policy.digest}
        print_json(told_of | {"policy": msgspec.to_builtins(policy)})
    else:
        typer.echo(f"{file}: the logging policy of {feature.name}, digest {policy.digest}")


def _files(path: Path) -> list[Path]:
    if not path.exists() and (named := features_below().get(str(path))):
        return [named]
    if not path.is_dir():
        return [path]
    if (inner := path / "defs.yaml").is_file():
        return [inner]
    if not (found := list(find_features(path).values())):
        raise MissingEvidence(f"{path}: holds no AI feature; write {path}/<name>/defs.yaml")
    return found


def _checked(file: Path, root: Path) -> dict[str, Any]:
    # Imported when it is needed: it opens tables, and the command starts without that.
    from ai_ops.cli.checking import DataCheck, check_data, open_questions

    mistakes = open_questions(file)
    name, flags, found = None, [], DataCheck()
    try:
        spec = load_feature(file)
    except BadFeatureFile as error:
        mistakes += str(error).splitlines()
    else:
        name = spec.name
        found = check_data(file, spec, root, WallClock().now())
        flags = [*spec.flags, *found.lines(serious=False)]
    return {
        "file": str(file),
        "feature": name,
        "mistakes": [*mistakes, *found.lines(serious=True)],
        "flags": flags,
        "data": found.numbers,
    }


def _print_results(results: list[dict[str, Any]]) -> None:
    for result in results:
        for mistake in result["mistakes"]:
            typer.echo(mistake, err=True)
        for flag in result["flags"]:
            typer.echo(f"{result['file']}: warning: {flag}", err=True)
        if not result["mistakes"]:
            typer.echo(f"{result['file']}: OK ({result['feature']}{_shape(result['data'])})")


def _shape(data: dict[str, Any]) -> str:
    if "first_day" not in data:
        return ""
    labelled = data.get("labelled_share")
    with_labels = f", {labelled:.1%} labelled" if labelled is not None else ""
    span = f"{data['first_day']} … {data['last_day']}"
    return f": {data['rows']:,} rows in {data['files']} files, {span}{with_labels}"


def _as_data(spec: AiFeatureSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "served_by": spec.served_by,
        "monitoring": {
            "start": spec.monitoring.start.isoformat(),
            "end": spec.monitoring.end.isoformat() if spec.monitoring.end else None,
        },
        "accountable": {domain: spec.owner_of(domain).accountable for domain in OWNED_DOMAINS},
        "flags": list(spec.flags),
    }
