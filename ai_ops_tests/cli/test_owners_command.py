"""``ai-ops owners``: the matrix of responsibility, and the file that asks owners to look."""

import json
from pathlib import Path

import pytest

from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.cli.codeowners import HEAD, codeowners
from ai_ops.cli.common import DEFS
from ai_ops.component import CHECKS, assets_of
from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops_tests.cli.deciding_world import BACKEND, DEVOPS, FEATURE, SCIENTIST, World, replay

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    return replay(tmp_path, versions=0)


@pytest.mark.requirement("OW-01", "OW-02", "OW-12")
def test_every_item_check_asset_and_question_stands_in_the_matrix_once(ai_ops: World) -> None:
    done = ai_ops("owners", FEATURE.name, "--json")
    assert done.code == 0
    (one,) = json.loads(done.out)["features"]
    assert len(one["items"]) == 14
    assert {item["accountable"] for item in one["items"]} == {BACKEND, SCIENTIST, DEVOPS}
    domains = {domain["domain"]: domain for domain in one["domains"]}
    assert set(domains) == {*OWNED_DOMAINS, "accuracy_evaluation"}
    checks = sorted(check for domain in domains.values() for check in domain["checks"])
    assert checks == sorted(check.name for check in CHECKS if check.applies(FEATURE))
    lists = {"pre_launch_checklist", "weekly_checklist", "monthly_checklist"}
    assets = {asset for domain in domains.values() for asset in domain["assets"]}
    assert assets | lists == {asset.key.path[-1] for asset in assets_of(FEATURE)}
    asked = sorted(question for domain in domains.values() for question in domain["questions"])
    assert asked == sorted(
        f"{alert}: {step.name}"
        for alert, playbook in PLAYBOOKS.items()
        for step in playbook.steps
        if step.asks
    )
    assert sorted(alert for domain in domains.values() for alert in domain["alerts"]) == sorted(
        PLAYBOOKS
    )


@pytest.mark.requirement("OW-06", "OW-07", "OW-08", "OW-10")
def test_what_each_role_decides_is_told(ai_ops: World) -> None:
    (one,) = json.loads(ai_ops("owners", FEATURE.name, "--json").out)["features"]
    decides = {domain["domain"]: set(domain["decides"]) for domain in one["domains"]}
    owner = {domain["domain"]: domain["accountable"] for domain in one["domains"]}
    assert {"gate_freeze", "approval"} <= decides["accuracy_evaluation"]
    assert "environment_lock" in decides["inference_management"]
    assert "call_site_mode" in decides["prediction_logging"]
    assert owner["accuracy_evaluation"] == SCIENTIST and owner["inference_management"] == DEVOPS
    assert owner["prediction_logging"] == BACKEND


def test_the_matrix_for_a_person_names_people_and_who_cannot_sign(ai_ops: World) -> None:
    done = ai_ops("owners")
    assert done.code == 0
    assert SCIENTIST in done.out and "Drift alerts are reviewed" in done.out
    assert "is asked: drift: what_is_it" in done.out
    assert f"warning: {DEVOPS} is accountable for inference_management and has no" in done.err


@pytest.mark.requirement("OW-12")
def test_the_file_of_code_owners_is_in_step_with_the_features_files(ai_ops: World) -> None:
    file = (CHECKOUT / "CODEOWNERS").read_text()
    mend = "mend it: ai-ops owners --codeowners > CODEOWNERS"
    assert file == codeowners({DEFS / FEATURE.name: FEATURE}, CHECKOUT), mend
    for line in file.removeprefix(HEAD).splitlines():
        place = line.split()[0]
        assert (CHECKOUT / place.strip("/")).exists(), f"{place}: {mend}"
    folders = {path.parent.name for path in (CHECKOUT / "ai_ops").glob("*/checks.py")}
    assert all(f"/ai_ops/{folder}/ " in file for folder in folders), "a domain without an owner"


@pytest.mark.requirement("OW-12")
def test_features_that_lie_elsewhere_stand_in_the_file_of_their_own_checkout(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "our features" / "fraud"
    file = codeowners({folder: FEATURE}, tmp_path)
    assert file.removeprefix(HEAD).splitlines() == [
        f"/our\\ features/fraud/ {BACKEND} {SCIENTIST}",
        f"/our\\ features/fraud/defs.yaml {BACKEND} {SCIENTIST} {DEVOPS}",
    ]


def test_the_file_is_printed_for_where_one_is(
    ai_ops: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert ai_ops("owners", "--codeowners").out == (CHECKOUT / "CODEOWNERS").read_text()
    assert ai_ops("owners", FEATURE.name, "--codeowners").code == 2
