"""The tests that carry a requirement, read from their source, and whether they passed."""

import ast
import importlib.util
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree

from ai_ops.vocabulary.errors import BadInput, MissingExtra

PASSED: Final = "passed"
MARKER: Final = "mark.requirement"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def carrying_tests(folder: Path) -> dict[str, list[str]]:
    """The node ids of the tests below a folder by the ids in their ``requirement`` markers.

    A marker stands on a test, on its class, or in the ``pytestmark`` of either's file or class.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(folder.rglob("test_*.py")):
        place = file.relative_to(folder.parent).as_posix()
        module = ast.parse(file.read_text(encoding="utf-8"), str(file))
        for names, ids in _tests_in(module.body, (), frozenset()):
            for id in sorted(ids):
                found[id].append("::".join((place, *names)))
    return dict(found)


def ids_in(node: ast.AST) -> frozenset[str]:
    """Every id that the ``requirement`` markers inside a piece of source name.

    >>> sorted(ids_in(ast.parse("@pytest.mark.requirement('PL-04', 'PL-05')\\ndef f(): ...")))
    ['PL-04', 'PL-05']
    """
    return frozenset(
        str(ast.literal_eval(argument))
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(MARKER)
        for argument in call.args
    )


def outcomes_in(file: Path) -> dict[tuple[str, str], str]:
    """How each test of a JUnit XML file ended; ``passed`` only if all its cases did.

    Keyed as pytest names a test there, without the brackets of a case: see ``_junit_name``.
    """
    try:
        # The file is one that pytest wrote here. The standard library's parser loads no external
        # entity anyway, and expat bounds how far internal ones may grow.
        cases = ElementTree.parse(file).getroot().iter("testcase")
    except FileNotFoundError:
        raise BadInput(
            f"--results: {file} is not there; write it with pytest --junitxml={file}"
        ) from None
    except (OSError, ElementTree.ParseError) as error:
        raise BadInput(
            f"--results: {file} is no JUnit XML ({error}); write it with pytest --junitxml={file}"
        ) from None
    outcomes: dict[tuple[str, str], str] = {}
    for case in cases:
        name = case.get("classname", ""), case.get("name", "").partition("[")[0]
        if outcomes.get(name, PASSED) == PASSED:
            outcomes[name] = _outcome(case)
    return outcomes


def run_tests(folder: Path, nodes: Sequence[str]) -> dict[tuple[str, str], str]:
    """Run exactly these tests in a process of their own; how each ended."""
    if importlib.util.find_spec("pytest") is None:
        raise MissingExtra(
            "running the tests needs pytest: pip install 'ai-ops[dev]', or name --results"
        )
    if not nodes:
        return {}
    with TemporaryDirectory() as scratch:
        results = Path(scratch, "tests.xml")
        options = [f"--rootdir={folder.parent}", f"--junitxml={results}", "--quiet"]
        command = [sys.executable, "-m", "pytest", *options, *nodes]
        done = subprocess.run(
            command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            print(done.stdout, file=sys.stderr)
        return outcomes_in(results)


def not_passing(nodes: Sequence[str], outcomes: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """The tests that did not pass, and how they ended.

    >>> not_passing(["t/test_a.py::test_b"], {("t.test_a", "test_b"): "skipped"})
    {'t/test_a.py::test_b': 'skipped'}
    >>> not_passing(["t/test_a.py::test_b"], {("t.test_a", "test_b"): "passed"})
    {}
    """
    ended = {node: outcomes.get(_junit_name(node), "did not run") for node in nodes}
    return {node: outcome for node, outcome in ended.items() if outcome != PASSED}


def _junit_name(node: str) -> tuple[str, str]:
    file, *names = node.split("::")
    module = file.removesuffix(".py").replace("/", ".")
    return ".".join((module, *names[:-1])), names[-1]


def _outcome(case: ElementTree.Element) -> str:
    for tag, outcome in (("failure", "failed"), ("error", "errored"), ("skipped", "skipped")):
        if case.find(tag) is not None:
            return outcome
    return PASSED


def _tests_in(
    body: Sequence[ast.stmt], inside: tuple[str, ...], inherited: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """The tests of a module or class, each with its names and the ids of its markers."""
    for statement in body:
        if isinstance(statement, ast.Assign) and "pytestmark" in map(
            ast.unparse, statement.targets
        ):
            inherited |= ids_in(statement.value)
    for one in body:
        if not isinstance(one, Definition):
            continue
        ids = inherited.union(*(ids_in(decorator) for decorator in one.decorator_list))
        if isinstance(one, ast.ClassDef) and one.name.startswith("Test"):
            yield from _tests_in(one.body, (*inside, one.name), ids)
        elif not isinstance(one, ast.ClassDef) and one.name.startswith("test"):
            yield (*inside, one.name), ids
