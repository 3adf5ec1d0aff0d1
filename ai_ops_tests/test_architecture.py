"""The floors of the house: who may import whom. The table is here, the test holds it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

import ai_ops

PACKAGE = Path(ai_ops.__file__).parent
DOMAINS = {
    "prediction_logging",
    "drift_monitoring",
    "accuracy_evaluation",
    "retraining_pipeline",
    "inference_management",
}
GLUE = {"assets", "checks", "sensors", "jobs", "schedules"}
BELOW = {
    "vocabulary": set(),
    "ai_features": {"vocabulary"},
    "client": {"vocabulary"},
    # (storage may also import what stands below it in a domain: see the test of its own)
    "storage": {"vocabulary", "ai_features"},
    "orchestration": {"vocabulary", "ai_features", "storage"},
    "checklist": {"vocabulary", "ai_features", "storage", "orchestration"},
    "playbook": {"vocabulary", "ai_features", "storage", "orchestration"},
}
LIGHT = "import ai_ops.client, sys; print(sorted(m.split('.')[0] for m in sys.modules))"
HEAVY = {"dagster", "torch", "mlflow", "pandas", "pydantic", "sqlalchemy", "pyarrow", "duckdb"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("ai_ops", include_external_packages=True, cache_dir=None)


def edges(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    for module in sorted(graph.modules):
        if module.startswith("ai_ops."):
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                yield module, imported


def folder_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def is_glue(module: str) -> bool:
    return bool(GLUE & set(module.split(".")[2:]))


def test_only_glue_files_and_orchestration_import_dagster(graph: grimp.ImportGraph) -> None:
    offenders = [
        module
        for module, imported in edges(graph)
        if imported.startswith("dagster")
        and not (
            is_glue(module) or folder_of(module) in {"orchestration", "component", "definitions"}
        )
    ]
    assert offenders == []


def test_each_floor_imports_only_what_stands_below_it(graph: grimp.ImportGraph) -> None:
    offenders = [
        (module, imported)
        for module, imported in edges(graph)
        if imported.startswith("ai_ops.")
        and folder_of(module) in BELOW
        and folder_of(imported) not in BELOW[folder_of(module)] | {folder_of(module)} | DOMAINS
    ]
    assert offenders == []


def test_nothing_but_storage_reaches_from_below_into_a_domain(graph: grimp.ImportGraph) -> None:
    offenders = [
        (module, imported)
        for module, imported in edges(graph)
        if folder_of(module) in set(BELOW) - {"storage"} and folder_of(imported) in DOMAINS
    ]
    assert offenders == []


def test_storage_imports_only_pure_files_of_the_domains(graph: grimp.ImportGraph) -> None:
    reached = {
        imported
        for module, imported in edges(graph)
        if folder_of(module) == "storage" and folder_of(imported) in DOMAINS
    }
    impure = {
        module
        for module in reached
        if any(up.startswith("ai_ops.storage") for up in graph.find_upstream_modules(module))
    }
    assert impure == set()


def test_domains_meet_through_files_and_the_ledger_never_through_imports(
    graph: grimp.ImportGraph,
) -> None:
    offenders = [
        (module, imported)
        for module, imported in edges(graph)
        if folder_of(module) in DOMAINS
        and folder_of(imported) in DOMAINS | {"checklist", "playbook", "defs", "cli", "component"}
        and folder_of(imported) != folder_of(module)
    ]
    assert offenders == []


def test_files_of_a_domain_that_are_not_glue_know_no_orchestration(
    graph: grimp.ImportGraph,
) -> None:
    offenders = [
        (module, imported)
        for module, imported in edges(graph)
        if folder_of(module) in DOMAINS
        and not is_glue(module)
        and (folder_of(imported) == "orchestration" or is_glue(imported))
        and imported.startswith("ai_ops.")
    ]
    assert offenders == []


def test_the_contracts_of_import_linter_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PACKAGE.parent)
    assert lint_imports(no_cache=True) == 0


def test_the_client_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
    ).stdout
    assert "ai_ops" in loaded
    assert not {name for name in HEAVY if f"'{name}'" in loaded}


@pytest.mark.requirement("PL-18", "PB-34")
def test_only_one_file_moves_the_version_in_production() -> None:
    movers = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith(("set_alias", "set_registered_model_alias"))
        and not any(ast.unparse(given) in ("REHEARSAL", "'baseline'") for given in call.args)
    }
    # The registry's own method hands the alias on.
    assert movers == {"retraining_pipeline/promotion.py", "storage/registry.py"}


def test_no_date_of_the_replayed_year_stands_outside_its_feature() -> None:
    offenders = [
        file.relative_to(PACKAGE)
        for file in PACKAGE.rglob("*.py")
        if "2013" in file.read_text() and "flight_delay" not in file.parts
    ]
    assert offenders == []


def test_files_stay_short_enough_to_read_at_once() -> None:
    long = {
        str(file.relative_to(PACKAGE)): lines
        for file in PACKAGE.rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 280
    }
    assert long == {}
