"""The place of a drill: a root of its own, with two versions, an AI feature and keys made for it.

Nothing of it can be taken for production: the feature has another name, the books are others, and
the keys that signed them lie below the drill's folder and stand in no other feature's file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.loader import COMPONENT_TYPE, DEFS_VARIABLE, FILE_NAME
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.inference_management.drill_versions import Pair
from ai_ops.storage.decisions import record, sign_decision, verified
from ai_ops.storage.fingerprints import altered_files, fingerprint_of
from ai_ops.storage.gate_verdicts import GATE_ASSET
from ai_ops.storage.identities import FOLDER_VARIABLE, PASSPHRASE_VARIABLE, Identities
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.model_files import FILES
from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import (
    LAKE_VARIABLE,
    LEDGER_VARIABLE,
    ROOT_VARIABLE,
    TRACKING_VARIABLE,
    Root,
)
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import AiOpsError, ArtifactChanged
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS, Domain

FOLDER: Final = "drills"
"""Where the roots of drills lie, below the root that they are about."""

ELSEWHERE: Final = (
    ROOT_VARIABLE,
    LEDGER_VARIABLE,
    LAKE_VARIABLE,
    TRACKING_VARIABLE,
    DEFS_VARIABLE,
    FOLDER_VARIABLE,
    PASSPHRASE_VARIABLE,
    "AI_OPS_IDENTITY",
    "MLFLOW_REGISTRY_URI",
    "DAGSTER_HOME",
)
"""What would lead a process of the drill to production's books or people's keys."""


@dataclass(frozen=True)
class DrillRoot:
    """A drill's root and feature, and the numbers that the two versions have in its registry."""

    root: Root
    feature: AiFeatureSpec
    previous: str
    candidate: str

    @property
    def person(self) -> str:
        """Whoever answers for inference management, with the drill's key."""
        return self.feature.owner_of("inference_management").accountable

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process of the drill finds: this root, this feature and these keys alone."""
        return self.root.environment


def missing_of(home: Root, feature: AiFeatureSpec, pair: Pair) -> tuple[str, ...]:
    """What of the two versions is not there, or is not what was registered."""
    return tuple(_missing(home, feature, pair))


def prepared(home: Root, feature: AiFeatureSpec, pair: Pair, id: str) -> DrillRoot:
    """Make the root of a drill: versions copied and compared, criteria frozen, the candidate
    judged and approved, the previous version live."""
    folder = home.folder / FOLDER / id
    keys = Identities(folder / "identities")
    own = _feature_of(feature, keys, folder / "defs")
    inherited = {k: v for k, v in home.environment.items() if k not in ELSEWHERE}
    environment = inherited | {
        ROOT_VARIABLE: str(folder),
        DEFS_VARIABLE: str(folder / "defs"),
        FOLDER_VARIABLE: str(keys.folder),
    }
    root = Root.open(folder, environment)
    if home.clock.mode == "replay":
        root.begin_replay(home.clock.now())
    assert pair.previous is not None and pair.candidate is not None
    previous = _copied(home, feature, pair.previous, root, own)
    candidate = _copied(home, feature, pair.candidate, root, own)
    _launched(root, own, previous)
    _approved(root, own, candidate, beside=previous)
    return DrillRoot(root, own, previous, candidate)


def _missing(home: Root, feature: AiFeatureSpec, pair: Pair) -> Iterator[str]:
    for what, version in (("candidate", pair.candidate), ("previous version", pair.previous)):
        if version is None:
            yield f"there is no {what}: {pair.why}"
            continue
        try:
            found = home.registry.version(feature.name, version)
        except AiOpsError as error:
            yield f"the {what} {version} cannot be had: {error}"
            continue
        yield from altered_files(found)


def _feature_of(feature: AiFeatureSpec, keys: Identities, defs: Path) -> AiFeatureSpec:
    """The feature under another name, with the drill's keys for its owners, read from its file."""
    name = f"{feature.name}_drill"
    owners = _plain(feature.owners.model_dump())
    for domain in OWNED_DOMAINS:
        person = feature.owner_of(domain).accountable
        public = keys.public_key(person) or keys.create(person)
        owners[domain] |= {"public_keys": {person: public}, "retired_keys": []}
    said = _plain(feature.model_dump(exclude_unset=True)) | {"name": name, "owners": owners}
    said.pop("logging", None)  # every answer is looked for in the drill's log
    said.pop("baseline_version", None)  # by production's numbers
    file = defs / name / FILE_NAME
    file.parent.mkdir(parents=True)
    content = {"type": COMPONENT_TYPE, "attributes": said}
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return load_feature(file)


def _plain(value: Any) -> Any:
    """What a YAML file can hold of it: lists for tuples, dates as they are."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _copied(
    home: Root, feature: AiFeatureSpec, version: str, root: Root, own: AiFeatureSpec
) -> str:
    found = home.registry.version(feature.name, version)
    made = root.registry.adopt(home.registry, feature.name, version, own.name)
    kept = (*FILES, "dataset_digest")
    if [found.params.get(one) for one in kept] != [made.params.get(one) for one in kept]:
        raise ArtifactChanged(f"the copy of {feature.name} version {version} is another one")
    return made.version


def _launched(root: Root, feature: AiFeatureSpec, version: str) -> None:
    """The criteria frozen, and a version live since the drill's launch."""
    gate = feature.gate
    _decide(root, feature, "accuracy_evaluation", gate=gate.model_dump(mode="json"))
    root.registry.set_alias(feature.name, REHEARSAL, version)
    registered = root.registry.version(feature.name, version)
    content = {"version": version, "reason": "what is live when the drill begins"}
    by = feature.owner_of("inference_management").accountable
    token = sign_decision(root, feature, "launch", by, content)
    decision = verified(root, feature, token, standing_of(root.ledger, feature.name))
    payload = decision.payload() | {
        "previous": None,
        "metrics": dict(registered.metrics),
        "gate_hash": gate.digest,
        "fingerprint": fingerprint_of(registered),
    }
    root.ledger.append([NewEvent("launch", feature.name, payload)], clock=root.clock)


def _approved(root: Root, feature: AiFeatureSpec, version: str, beside: str) -> None:
    """The gate's verdicts on the candidate, which are not what is drilled, and an approval."""
    now = root.clock.now()
    said = {"version": version, "champion": beside, "gate_hash": feature.gate.digest}
    passed = Verdict.passing("the gate is not what is drilled", sample_size=1, observed=said)
    day = Window.of_day(now.date())
    root.ledger.record_verdicts(
        [
            RecordedVerdict(feature.name, item, GATE_ASSET, None, day, now, passed)
            for item in GATE_CHECKS
        ],
        clock=root.clock,
    )
    _decide(root, feature, "accuracy_evaluation", version=version)


def _decide(root: Root, feature: AiFeatureSpec, domain: Domain, **content: object) -> None:
    by, digest = feature.owner_of(domain).accountable, feature.gate.digest
    if "gate" in content:
        token = sign_decision(root, feature, "gate_freeze", by, {**content, "hash": digest})
    else:
        said = {**content, "gate_hash": digest, "reason": "to be promoted in the drill"}
        token = sign_decision(root, feature, "approval", by, said)
    record(root, feature, token)
