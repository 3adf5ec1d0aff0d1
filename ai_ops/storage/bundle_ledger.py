"""What an extract of the ledger says of itself: who signed its decisions, which logs it judged."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ai_ops.storage.chain_proof import Proof, Told
from ai_ops.storage.decision_tokens import opened
from ai_ops.storage.ledger_chain import GENESIS
from ai_ops.storage.signatures import is_signature
from ai_ops.vocabulary.errors import DecisionRefused

LOG = "log/{day}.parquet"


@dataclass(frozen=True, slots=True)
class Signed:
    """The decisions in an extract: how many signatures hold, and what is wrong with others.

    ``unknown`` counts those of people whose key was not given.
    """

    hold: int = 0
    unknown: int = 0
    wrong: tuple[str, ...] = ()


def signed_decisions(proof: Proof, keys: Mapping[str, Collection[str]]) -> Signed:
    """Verify again what people signed, by the keys that were given."""
    hold, unknown, wrong = 0, 0, []
    for event in proof.told:
        if "token" not in event.payload:
            continue
        known = keys.get(str(event.payload.get("by")), ())
        if not known:
            unknown += 1
        elif _holds(event, proof.birth, known):
            hold += 1
        else:
            by = event.payload.get("by")
            wrong.append(
                f"block {event.block}, event {event.idx}: {by} signed this {event.kind} with none "
                "of the keys that you gave"
            )
    return Signed(hold, unknown, tuple(wrong))


def _holds(event: Told, birth: str, keys: Collection[str]) -> bool:
    try:
        decision, signed, signature = opened(str(event.payload["token"]))
    except DecisionRefused:
        return False
    said = {name: event.payload.get(name) for name in decision.payload()}
    place = (decision.kind, decision.feature) == (event.kind, event.feature)
    ledger = decision.ledger == (GENESIS if event.block == 1 else birth)
    same = place and ledger and said == decision.payload()
    return same and any(is_signature(key, signature, signed) for key in keys)


def logs_unlike(proof: Proof, feature: str, digests: Mapping[str, str]) -> Iterator[str]:
    """The days whose log is not the one that was judged last, and those that nobody judged.

    The verdict on a day names the sha256 of the log that it was read from, and stands in the chain.
    """
    judged: dict[str, str] = {}
    for event in proof.told:
        said = event.payload
        if event.kind == "verdict" and said.get("item") == "log_written" and said.get("partition"):
            day, ending = said["partition"], f"{feature}/prediction_log/{said['partition']}.parquet"
            for read in said.get("evidence", ()):
                if str(read.get("source")) == ending:
                    judged[LOG.format(day=day)] = str(read.get("digest"))
    for path in sorted(path for path in digests if path.startswith("log/")):
        if path.count(".") != 1:
            continue  # what was set apart lies beside the log
        if path not in judged:
            yield f"{path}: no verdict on that day's log stands in the ledger"
        elif judged[path] != digests[path]:
            yield f"{path}: it is not the log that was judged last; it was compacted since"
