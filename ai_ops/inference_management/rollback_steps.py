"""The way back, step by step: the page for an emergency and the drill both come from this list."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ai_ops.inference_management.rollback_limits import (
    ALLOWED,
    ENOUGH_RATE,
    EXPIRES_AFTER,
    LOAD_FACTOR,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the command that a person runs, what the drill does in its place, what proves it.

    In a command stand FEATURE, PERSON (an e-mail address with a key), VERSION (the bad one) and
    WHY. One that ``only_drilled`` has happened already when there is an emergency.
    """

    id: str
    title: str
    command: str
    seen: str
    drill: str
    proof: str
    only_drilled: bool = False


STEPS: Final = (
    Step(
        "promote",
        "The bad version comes to production",
        "ai-ops promote FEATURE --version VERSION",
        "`promotion: version VERSION of FEATURE is in production`",
        "promotes the candidate by this command, past a gate and an approval that were signed with "
        "keys made for the drill, while the endpoint is under load",
        "the endpoint answers with the outputs that the candidate gave to the same bodies "
        "beforehand, not only with its label",
        only_drilled=True,
    ),
    Step(
        "look",
        "See what is live and what would come back",
        "ai-ops rollback FEATURE --dry-run",
        "what both versions produced, the open incidents, and `in the way:` if anything is; it "
        "ends with 0 when nothing is",
        "runs the command on its own books",
        "nothing is in the way, and the version that would come back stands in the registry with "
        "the files that were registered",
    ),
    Step(
        "roll_back",
        "Roll back",
        'ai-ops rollback FEATURE --by PERSON --reason "WHY"',
        "`rollback: version … of FEATURE is in production`; without your key on this machine: "
        '`ai-ops sign FEATURE rollback --set version=… --set reason="WHY"` where it lies, and '
        "`ai-ops rollback FEATURE --token TOKEN` here",
        "runs the command under the same load; the clock starts when it is entered",
        "the endpoint answers with the outputs of the previous version; the clock stops at the "
        "first of them and at the last of the candidate's",
    ),
    Step(
        "hold",
        "Keep it from coming back",
        'ai-ops hold FEATURE --by PERSON --reason "WHY"',
        "`hold of FEATURE by PERSON is recorded`: no retraining and no promotion until "
        "`ai-ops release`",
        "runs the command",
        "the hold stands in the drill's ledger",
    ),
    Step(
        "count",
        "Count what it cost",
        "ai-ops history FEATURE",
        "launch, promotion and rollback with their moments; the day's `service_health` counts the "
        "requests that were refused or failed meanwhile",
        "ends load and server, and compares every answer with what both versions were asked "
        "beforehand, with its own label, and with the log",
        "no request is left without an answer, none has the label of one version and the outputs "
        "of the other, and every answer stands in the log",
    ),
)


def step(id: str) -> Step:
    """The step of that id.

    >>> step("look").title
    'See what is live and what would come back'
    """
    return next(one for one in STEPS if one.id == id)


def arguments(id: str, **given: str) -> list[str]:
    """The arguments of a step's command, with what stands for its capital words.

    >>> arguments("look", FEATURE="tiny")
    ['rollback', 'tiny', '--dry-run']
    """
    words = step(id).command.removeprefix("ai-ops ").split(" ")
    return [given.get(word.strip('"'), word) for word in words]


def page() -> str:
    """``docs/rollback.md``: for whoever is woken, and what the drill makes of each step."""
    return "\n".join([*_emergency(), *_steps(), *_drill()]) + "\n"


def _emergency() -> Iterator[str]:
    yield "# Rolling back a version"
    yield ""
    yield "<!-- Made by `page()` in `ai_ops/inference_management/rollback_steps.py`. -->"
    yield ""
    yield "## At 3 a.m."
    yield ""
    yield "| | do | type | you see |"
    yield "|---|---|---|---|"
    real = [one for one in STEPS if not one.only_drilled]
    for number, one in enumerate(real, 1):
        yield f"| {number} | {one.title} | `{one.command}` | {one.seen} |"
    yield ""
    yield (
        "`PERSON` is whoever answers for inference management, or one of the people whose keys "
        "stand beside that owner in the feature's file. Nothing forbids the way back to a version "
        "that was live and had passed its gate: no hold, no incident, no broken ledger. `--to "
        "VERSION` names another one than the previous."
    )
    yield ""
    yield (
        "None of the servers is restarted. Those that share the root's folder are told of a move "
        "and look within a tenth of a second; every server polls the registry besides "
        "(`serving.poll_seconds`). When one still answers with the bad version a minute later, its "
        "`/health` says why (`problem`, `registry_reachable`): mend that or restart it; a "
        "restarted server serves what the ledger says."
    )
    yield ""


def _steps() -> Iterator[str]:
    yield "## Each step, as it is done and as it is drilled"
    yield ""
    for one in STEPS:
        yield f"### {one.title}"
        yield ""
        yield "```sh"
        yield one.command
        yield "```"
        yield ""
        if one.only_drilled:
            yield "In an emergency this has happened already."
        else:
            yield f"You see {one.seen}."
        yield ""
        yield f"The drill {one.drill}."
        yield ""
        yield f"It is proved when {one.proof}."
        yield ""


def _drill() -> Iterator[str]:
    yield "## The drill"
    yield ""
    yield "```sh"
    yield "ai-ops drill rollback FEATURE --by PERSON"
    yield "ai-ops drill rollback FEATURE --json"
    yield "ai-ops drill rollback FEATURE --sign --by PERSON"
    yield "```"
    yield ""
    yield (
        "It runs outside production: below `drills/` of the root it makes a root of its own, with "
        "a registry, a ledger, a log, an AI feature `FEATURE_drill` and keys that are made for it, "
        "and copies two versions there, file by file: the one in production as the candidate, and "
        "the one that a rollback would bring back (before the launch: the one in rehearsal, and "
        "the baseline). Nothing of production is written but one event of kind `drill`, which the "
        "person signs, and the verdict. The folder is evidence; it may be removed, for the record "
        "in the lake holds what was seen."
    )
    yield ""
    yield (
        f"Meanwhile `ai-ops serve` answers {LOAD_FACTOR:g} times the declared peak in an open loop "
        "(requests leave at their moments, whether earlier ones were answered or not), with bodies "
        "to which both versions were asked beforehand. They are made from the ranges that the "
        "versions read, so that no row of the log is copied, and only those are used on which the "
        "two versions differ: when they never do, nothing can be seen, and the drill is "
        "`no_evidence`."
    )
    yield ""
    yield "The check `rollback_drill` fails when"
    yield ""
    yield "- the version that a rollback would bring back is not in the registry, then or now;"
    yield "- the promotion did nothing, by the outputs of the endpoint;"
    yield (
        f"- the previous version's first answer, or the candidate's last, came more than "
        f"{ALLOWED.total_seconds() / 60:g} minutes after the rollback was entered (minutes, not "
        "hours), or had not come when the drill was given up;"
    )
    yield (
        "- a worker still answered as the previous version when the rollback was entered, or as "
        "the candidate when the load ended: the others may swap, it never does;"
    )
    yield (
        "- a request was lost or failed, or an answer was mislabelled, of neither version, or not "
        "in the log. (One that was turned away with 429 is counted, and was not lost: it was told.)"
    )
    yield ""
    yield (
        f"It is `no_evidence` without a drill, with one older than {EXPIRES_AFTER.days} days, with "
        "one that nobody signed who answers for inference management (a run from the Dagster UI is "
        "signed afterwards with `--sign`), and when the load's generator took most of a core, or "
        f"less than {ENOUGH_RATE:.0%} of the load was answered in time (requests that were turned "
        "away are not answered): then it was not the load."
    )
