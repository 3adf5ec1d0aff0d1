"""Whether an audit bundle is what a person signed: by the public keys alone, on any machine.

Nothing in the bundle is believed that the bundle itself vouches for: the keys come from outside.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from ai_ops.storage.bundle import CHAIN, FORMAT, MANIFEST, SIGNATURE
from ai_ops.storage.bundle_ledger import LOG, Signed, logs_unlike, signed_decisions
from ai_ops.storage.chain_proof import prove
from ai_ops.storage.plain_zip import Found, Member, read_zip
from ai_ops.storage.signatures import fingerprint, is_public_key, is_signature
from ai_ops.vocabulary.errors import BadInput, LedgerBroken

Keys = Mapping[str, Collection[str]]
"""The public keys (base64) of each person, as whoever verifies has them."""

_TEXTS: Final = ("feature", "first", "last", "exported_at", "mode", "signed_by", "public_key")
_LISTS: Final = ("files", "missing", "withheld", "notes")


@dataclass
class Checked:
    """What a check of a bundle found.

    ``problems`` are reasons not to believe it, ``unproven`` says why the signature proves nothing
    yet, ``warnings`` what the bundle itself says it lacks.
    """

    manifest: Mapping[str, Any] | None = None
    problems: list[str] = field(default_factory=list)
    unproven: str = ""
    warnings: list[str] = field(default_factory=list)
    blocks: int = 0
    events_told: int = 0
    decisions: Signed = field(default_factory=Signed)

    @property
    def fingerprint(self) -> str | None:
        """That of the key that signed, None where it is none."""
        key = self.manifest["public_key"] if self.manifest else ""
        return fingerprint(key) if is_public_key(key) else None


def check_bundle(bundle: Path, keys: Keys) -> Checked:
    """Read every byte of a bundle and hold it against its manifest, the manifest against the keys.

    Without any key the signature is ``unproven``: whoever forges a bundle signs it, too.
    """
    try:
        with bundle.open("rb") as file:
            found = read_zip(file, (MANIFEST, SIGNATURE, CHAIN))
    except OSError as error:
        raise BadInput(f"{bundle}: cannot be read: {error.strerror}") from None
    checked = Checked(problems=list(found.problems))
    members = {member.name: member for member in found.members}
    manifest = _manifest(members.get(MANIFEST), checked)
    if manifest is None:
        return checked
    checked.manifest = manifest
    _check_signature(members, manifest, keys, checked)
    checked.problems += _unlike_manifest(found, manifest)
    checked.problems += _untold_days(manifest)
    _check_ledger(members.get(CHAIN), manifest, keys, checked)
    checked.warnings += _told(manifest)
    return checked


def _manifest(member: Member | None, checked: Checked) -> Mapping[str, Any] | None:
    if member is None or member.content is None:
        checked.problems.append(f"{MANIFEST}: it is not there; what is there is signed by nobody")
        return None
    try:
        said = json.loads(member.content)
        whole = said["format"] == FORMAT and all(isinstance(said[name], str) for name in _TEXTS)
        whole = whole and all(isinstance(said[name], list) for name in _LISTS)
        whole = whole and isinstance(said["ledger"], dict)
        listed = [(one["path"], one["size"], one["sha256"]) for one in said["files"]]
        whole = whole and len({path for path, _, _ in listed}) == len(listed)
        lacking = [(one["what"], one["partition"], one["reason"]) for one in said["missing"]]
        whole = whole and all(isinstance(what, str) for what, *_ in lacking)
    except (ValueError, KeyError, TypeError, RecursionError):
        whole, said = False, None
    if not whole:
        checked.problems.append(f"{MANIFEST}: it is no manifest of an {FORMAT}")
        return None
    manifest: Mapping[str, Any] = said
    return manifest


def _check_signature(
    members: Mapping[str, Member], manifest: Mapping[str, Any], keys: Keys, checked: Checked
) -> None:
    person, key = manifest["signed_by"], manifest["public_key"]
    signature, signed = members.get(SIGNATURE), members[MANIFEST]
    if signature is None or not signature.content:
        checked.problems.append(f"{SIGNATURE}: it is not there; the bundle is signed by nobody")
        return
    if not is_signature(key, signature.content, signed.content or b""):
        checked.problems.append(f"{SIGNATURE}: it is not {person}'s signature of {MANIFEST}")
        return
    if not keys:
        checked.unproven = (
            f"it is signed by a key that you did not give, which is said to be {person}'s; its "
            f"fingerprint is {fingerprint(key)}: give the key that you know with --keys or --yaml"
        )
    elif key not in keys.get(person, ()):
        other = sorted(name for name, own in keys.items() if key in own)
        known = f"the key is that of {', '.join(other)}" if other else "you did not give that key"
        checked.problems.append(
            f"{SIGNATURE}: it says that {person} signed, with a key of fingerprint "
            f"{fingerprint(key)}; {known}"
        )


def _unlike_manifest(found: Found, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Every file that is not what the manifest says, is not there, or is not in it."""
    listed = {one["path"]: (one["size"], one["sha256"]) for one in manifest["files"]}
    there = {member.name: (member.size, member.sha256) for member in found.members}
    for name in listed:
        if name not in there:
            yield f"{name}: it is not there, and the manifest has it"
        elif there[name] != listed[name]:
            yield f"{name}: it is not the file that the manifest has"
    for name in there:
        if name not in listed and name not in (MANIFEST, SIGNATURE):
            yield f"{name}: the manifest does not have it"
    order = [member.name for member in found.members]
    if sorted(order) == sorted([*listed, MANIFEST, SIGNATURE]) and order != [
        *listed,
        MANIFEST,
        SIGNATURE,
    ]:
        yield f"{MANIFEST}: the files are not in its order, or one stands there twice"
    elif len(order) != len(there):
        yield f"{MANIFEST}: a file of one name stands there twice"


def _untold_days(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Days of the span whose log is neither there nor withheld nor said to be missing."""
    listed = {one["path"] for one in (*manifest["files"], *manifest["withheld"])}
    missing = {one["partition"] for one in manifest["missing"] if one["what"] == "log"}
    try:
        day, last = date.fromisoformat(manifest["first"]), date.fromisoformat(manifest["last"])
    except ValueError:
        yield f"{MANIFEST}: its span is none of days"
        return
    while day <= last:
        if LOG.format(day=day) not in listed and day.isoformat() not in missing:
            yield f"{MANIFEST}: it says nothing of the log of {day}"
        day += timedelta(days=1)


def _check_ledger(
    chain: Member | None, manifest: Mapping[str, Any], keys: Keys, checked: Checked
) -> None:
    told = manifest["ledger"]
    if chain is None or chain.content is None:
        checked.problems.append(f"{CHAIN}: it is not there")
        return
    try:
        proof = prove(chain.content)
    except LedgerBroken as error:
        checked.problems.append(f"{CHAIN}: {error}")
        return
    checked.blocks, checked.events_told = proof.blocks, len(proof.told)
    for name, found in (("head", proof.head), ("birth", proof.birth), ("blocks", proof.blocks)):
        if told.get(name) != found:
            checked.problems.append(f"{CHAIN}: its {name} is not the manifest's")
    checked.decisions = signed_decisions(proof, keys)
    checked.problems += [f"{CHAIN}: {words}" for words in checked.decisions.wrong]
    listed = [*manifest["files"], *manifest["withheld"]]
    digests = {one["path"]: one["sha256"] for one in listed}
    checked.warnings += logs_unlike(proof, manifest["feature"], digests)


def _told(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What the bundle says of itself that it lacks, what is alike in one line."""
    alike: dict[tuple[str, str], list[str]] = {}
    for one in manifest["missing"]:
        alike.setdefault((one["what"], one["reason"]), []).append(str(one["partition"]))
    for (what, reason), partitions in alike.items():
        first, last = partitions[0], partitions[-1]
        of = first if len(partitions) == 1 else f"{first} … {last}, {len(partitions)} in all"
        yield f"{what} ({of}) is not in it: {reason}"
    if manifest["withheld"]:
        yield f"{len(manifest['withheld'])} files are withheld: their digests stand in the manifest"
    yield from (str(note) for note in manifest["notes"])
