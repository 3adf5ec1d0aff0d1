"""``ai-ops playbook``: what is done when an alert fires, by the definitions that run."""

from typing import Annotated, get_args

import typer

from ai_ops.cli.common import JsonOption, print_json, told
from ai_ops.playbook.describing import data_of, page_of, whole_page
from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import AlertKind


@told
def playbook(
    alert: Annotated[
        str | None, typer.Argument(metavar="[ALERT]", help=f"One of {', '.join(PLAYBOOKS)}.")
    ] = None,
    as_json: JsonOption = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As the page docs/playbook.md is written.")
    ] = False,
) -> None:
    """Show how an alert is answered: its steps, who is asked what, and until when."""
    if alert is not None and alert not in PLAYBOOKS:
        raise BadInput(f"ALERT: one of {', '.join(get_args(AlertKind))} (found {alert!r})")
    chosen = [one for kind, one in PLAYBOOKS.items() if alert in (None, kind)]
    if as_json:
        print_json({"playbooks": [data_of(one) for one in chosen]})
    elif markdown:
        typer.echo(whole_page() if alert is None else page_of(chosen[0]), nl=False)
    else:
        for one in chosen:
            typer.echo("\n".join(_lines(data_of(one))))
            typer.echo()


def _lines(playbook: dict[str, object]) -> list[str]:
    lines = [f"{playbook['alert']} ({playbook['severity']}): {playbook['trigger']}"]
    steps: list[dict[str, object]] = playbook["steps"]  # type: ignore[assignment]
    for number, step in enumerate(steps, start=1):
        where = f" [where {step['where']}]" if step["where"] else ""
        lines.append(f"  {number}. {step['name']}: {step['title']}{where}")
        asks = step["asks"]
        if isinstance(asks, dict):
            lines.append(f"     asks {asks['domain']}, within {asks['within']}: {asks['words']}")
            lines.append(f"     {asks['command']}")
    return lines
