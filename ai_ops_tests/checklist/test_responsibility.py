"""Everything has an owner, and it is the one that the feature's file names."""

from pathlib import Path
from typing import get_args

import dagster as dg
import pytest
import yaml

from ai_ops.ai_features import load_feature
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.checklist.items import LIST_OF
from ai_ops.checklist.reading import ITEMS
from ai_ops.checklist.responsibility import keyless, responsibilities
from ai_ops.cli.common import DEFS
from ai_ops.component import CHECKS, definitions_of
from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.identities import Identities
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadFeatureFile
from ai_ops.vocabulary.words import AlertKind, Domain
from ai_ops_tests.deciding import BACKEND, DEVOPS, FEATURE, SCIENTIST, root_in

FILE = DEFS / "flight_delay" / "defs.yaml"
OTHERS = {domain: f"{domain.split('_')[0]}@else.example.com" for domain in OWNED_DOMAINS}


def people(feature: str = "owners") -> dict[str, str]:
    """Who is accountable for each domain, read from the YAML itself."""
    said = yaml.safe_load(FILE.read_text())["attributes"][feature]
    found = {domain: said[domain]["accountable"] for domain in OWNED_DOMAINS}
    return found | {"accuracy_evaluation": found[said["accuracy_evaluation"]["follows"]]}


def renamed(folder: Path, **accountable: str) -> Path:
    """The feature's file with other people."""
    said = yaml.safe_load(FILE.read_text())
    for domain, person in accountable.items():
        said["attributes"]["owners"][domain]["accountable"] = person
    return written(folder, said)


def written(folder: Path, said: object) -> Path:
    """A feature's file, in the folder of its name."""
    file = folder / FEATURE.name / "defs.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump(said))
    return file


@pytest.mark.requirement("OW-01", "OW-02", "OW-12")
def test_the_people_of_the_file_stand_on_every_asset_check_item_alert_and_question(
    tmp_path: Path,
) -> None:
    feature = load_feature(renamed(tmp_path, **OTHERS))
    owner: dict[Domain, str] = {**OTHERS, "accuracy_evaluation": OTHERS["drift_monitoring"]}  # type: ignore[dict-item]
    graph = definitions_of(feature).resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        group = graph.get(key).group_name
        expected = set(OTHERS.values()) if group == "checklist" else {owner[group]}  # type: ignore[index]
        assert set(graph.get(key).owners) == expected, key
    domains = {check.name: check.domain for check in CHECKS}
    for check in graph.asset_check_keys:
        said = graph.get_check_spec(check).metadata
        assert said["owner"] == owner[domains[check.name]] == owner[said["domain"]]
    assert {one.item: one.accountable for one in responsibilities(feature)} == {
        item.id: owner[item.domain] for items in ITEMS.values() for item in items
    }
    for alert in get_args(AlertKind):
        assert feature.owner_of(ANSWERED_BY[alert]).accountable == owner[ANSWERED_BY[alert]]
        assert PLAYBOOKS[alert].answered_by == ANSWERED_BY[alert]
        for step in PLAYBOOKS[alert].steps:
            if step.asks is not None:
                asked = step.asks.domain or ANSWERED_BY[alert]
                assert feature.owner_of(asked).accountable == owner[asked]


@pytest.mark.requirement("OW-03", "OW-04", "OW-05", "OW-08", "OW-09", "OW-11")
def test_the_domains_belong_to_the_roles_that_the_file_says_and_others_share_the_work() -> None:
    assert people() == {
        "prediction_logging": BACKEND,
        "drift_monitoring": SCIENTIST,
        "retraining_pipeline": BACKEND,
        "inference_management": DEVOPS,
        "accuracy_evaluation": SCIENTIST,
    }
    shared = {one.domain: one.supporting for one in responsibilities(FEATURE)}
    assert shared["drift_monitoring"] == (BACKEND, DEVOPS)
    assert DEVOPS in shared["retraining_pipeline"]


@pytest.mark.requirement("OW-02", "OW-12")
def test_the_matrix_of_each_list_stands_on_its_asset_in_the_ui() -> None:
    graph = definitions_of(FEATURE).resolve_asset_graph()
    for cadence, asset in LIST_OF.items():
        metadata = graph.get(dg.AssetKey([FEATURE.name, asset])).metadata
        table = metadata["responsibility"]
        assert isinstance(table, dg.TableMetadataValue)
        rows = [dict(record.data) for record in table.records]
        assert rows == [one.as_row() for one in responsibilities(FEATURE) if one.cadence == cadence]
        assert len(rows) == len(ITEMS[cadence])
        assert metadata["accountable"] is not None, "what every asset has is still there"


@pytest.mark.requirement("OW-13")
@pytest.mark.parametrize("domain", OWNED_DOMAINS)
def test_a_domain_without_an_owner_is_refused_with_file_and_field(
    tmp_path: Path, domain: str
) -> None:
    said = yaml.safe_load(FILE.read_text())
    del said["attributes"]["owners"][domain]
    with pytest.raises(BadFeatureFile, match=f"owners.*{domain}"):
        load_feature(written(tmp_path, said))


@pytest.mark.requirement("OW-14", "OW-15")
def test_one_person_who_holds_all_four_is_flagged_and_two_are_not(tmp_path: Path) -> None:
    alone = load_feature(renamed(tmp_path, **dict.fromkeys(OWNED_DOMAINS, "ann@example.com")))
    assert [flag.split()[0] for flag in alone.flags] == ["ann@example.com"]
    two = dict.fromkeys(OWNED_DOMAINS, "ann@example.com") | {"drift_monitoring": "bob@example.com"}
    assert load_feature(renamed(tmp_path, **two)).flags == ()


@pytest.mark.requirement("OW-02")
def test_an_owner_without_a_key_is_named_for_nothing_can_be_signed(tmp_path: Path) -> None:
    assert list(keyless(root_in(tmp_path / "replay"), FEATURE)) == []
    live = Root.open(tmp_path / "live", environment={})
    found = list(keyless(live, FEATURE))
    assert len(found) == len(OWNED_DOMAINS)
    assert f"ai-ops identity init {DEVOPS}" in found[-1]
    public = Identities(tmp_path / "keys").create(DEVOPS)
    owners = FEATURE.owners
    serving = owners.inference_management.model_copy(update={"public_keys": {DEVOPS: public}})
    updated = owners.model_copy(update={"inference_management": serving})
    keyed = FEATURE.model_copy(update={"owners": updated})
    assert [words.split()[4] for words in keyless(live, keyed)] == list(OWNED_DOMAINS[:3])
