"""The people of the demo: three roles with keys of their own, who decide what people must.

They sign as anybody would; nothing they do has a way of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from shlex import split
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.monthly import MONTHLY, OPPORTUNITIES, REVIEWED
from ai_ops.checklist.reading import window_at
from ai_ops.checklist.signed import keep_shown
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.drift_monitoring.threshold_deciding import decision_of
from ai_ops.drift_monitoring.thresholds import newest_month
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Retraining, Standing, standing_of
from ai_ops.storage.threshold_proposals import proposal_path
from ai_ops.vocabulary.words import Domain, EventKind

WAIVED: Mapping[str, str] = {
    "load_tested": "the quick demo runs no load test; ai-ops demo --launch does",
    "rollback_rehearsed": "the quick demo drills no rollback; ai-ops demo --launch does",
}
"""What the quick demo launches without, and why: both items are inference management's."""

CONCLUDED: Mapping[str, str] = {
    "drift": "genuine_shift",
    "accuracy_drop": "genuine_shift",
    "cost_spike": "other",
    "pipeline_failure": "other",
}
NOTES: Mapping[str, str] = {
    "drift": "the feeds are sound, the season is another one: the version learnt from winter",
    "accuracy_drop": "labels are complete and right; more flights are late than the version learnt",
    "cost_spike": "looked at: the traffic explains it",
    "pipeline_failure": "the log of the failed step was read; the next retraining will tell",
}


KEPT_SYNC = "whoever asks waits for each answer: its calls stay single"
MENDED = "looked at what the feed sends since: it is as it was"
SEEN = "looked at the list: what is not green is being answered"
LOOKED = "looked at the savings of the month: calls stay as they are"
APPROVED = "looked at the alerts of the month: what vanishes was none"
KEPT = "looked at the alerts of the month: no threshold needs to change"


@dataclass(frozen=True)
class People:
    """The accountable people of a feature, each with a key below the replay's root."""

    root: Root
    feature: AiFeatureSpec

    def have_keys(self) -> None:
        """Make the keys that are not there yet."""
        keys = Identities(demo_identities(self.root))
        domains: tuple[Domain, ...] = ("prediction_logging", "drift_monitoring")
        for domain in (*domains, "retraining_pipeline", "inference_management"):
            person = self._of(domain)
            if keys.public_key(person) is None:
                keys.create(person)

    def prepare_launch(self, version: str, until: date | None) -> None:
        """Freeze the gate, and approve the version that rehearsed; waive what the quick demo does
        not try ``until`` a day, nothing where there is none."""
        standing = self._standing()
        gate = self.feature.gate
        if standing.gate is None:
            content = {"gate": gate.model_dump(mode="json"), "hash": gate.digest}
            self._decide("gate_freeze", "accuracy_evaluation", content)
        if version not in standing.approvals:
            reason = "better than the baseline out of fold, and its rehearsal was looked at"
            self._approve("approval", version, reason)
        now = self.root.clock.now()
        for item, reason in WAIVED.items():
            if until is not None and standing.waiver(item, "inference_management", now) is None:
                content = {
                    "item": item,
                    "domain": "inference_management",
                    "reason": reason,
                    "until": until.isoformat(),
                }
                self._decide("waiver", "inference_management", content)

    @property
    def runs_the_service(self) -> str:
        """Who answers for inference management."""
        return self._of("inference_management")

    def launch_token(self, version: str) -> str:
        """The signature with which the version is launched."""
        reason = "the rehearsal went well and every item is green or waived"
        return self._signed(
            "launch", "inference_management", {"version": version, "reason": reason}
        )

    def conclude(self) -> list[Incident]:
        """Conclude every incident that nobody concluded yet."""
        found = [one for one in self._standing().incidents if one.state == "open"]
        for incident in found:
            content = {
                "incident": incident.id,
                "conclusion": CONCLUDED[incident.alert],
                "note": NOTES[incident.alert],
            }
            self._decide("incident_concluded", ANSWERED_BY[incident.alert], content)
        return found

    def answer_questions(self) -> list[str]:
        """Answer what the playbooks ask beside what an incident is; the steps that asked."""
        answered = []
        for incident in self._standing().open_incidents:
            for asked in incident.pending:
                if asked.step == "call_site_decided":
                    site = split(asked.command)[4]
                    content = {"call_site": site, "mode": "sync", "reason": KEPT_SYNC}
                    self._decide("call_site_mode", asked.domain, content)
                elif asked.answers:
                    said = {"question": asked.step, "answer": asked.answers[0], "note": MENDED}
                    content = {"incident": incident.id, **said}
                    self._decide("incident_answered", asked.domain, content)
                else:
                    continue
                answered.append(asked.step)
        return answered

    def decide_on_candidates(self) -> list[str]:
        """Approve what passed the gate and reject what did not; the versions that were approved."""
        standing = self._standing()
        approved = []
        for retraining in standing.retrainings:
            version, accepted, reason = judged(retraining)
            if version is None or version in standing.approvals:
                continue
            if accepted:
                self._approve("approval", version, f"the gate passed it: {reason}")
                approved.append(version)
            else:
                self._approve("rejection", version, f"the gate refused it: {reason}")
        return approved

    def review_thresholds(self) -> str | None:
        """Decide on the newest proposal about drift's thresholds, unless that was done; the month.

        What is proposed hides nothing that anybody confirmed, so it is approved; without a
        proposal the thresholds are kept.
        """
        month = newest_month(self.root, self.feature.name)
        done = {one.month for one in self._standing().threshold_changes}
        if month is None or month in done:
            return None
        proposal, _ = self.root.lake.read_json(proposal_path(self.root, self.feature.name, month))
        decision, reason = ("approve", APPROVED) if proposal["changes"] else ("keep", KEPT)
        given = {"decision": decision, "month": month, "reason": reason}
        content = decision_of(self.root, self.feature, given)
        self._decide("threshold_change", "drift_monitoring", content)
        return month

    def review_costs(self) -> str | None:
        """Sign off what the newest month could have cost less, unless that was done; the month.

        Whoever answers for serving looked at it, and backend at how its calls are made.
        """
        found = self.root.lake.glob(f"{self.feature.name}/{OPPORTUNITIES}/*.json")
        month = PurePosixPath(found[-1]).stem if found else None
        done = {one.partition for one in self._standing().sign_offs if one.item == REVIEWED}
        if month is None or month in done:
            return None
        domains: tuple[Domain, ...] = ("inference_management", "prediction_logging")
        for domain in domains:
            about = {"item": REVIEWED, "domain": domain, "cadence": "monthly"}
            self._decide("sign_off", domain, {**about, "partition": month, "note": LOOKED})
        return month

    def sign_lists(self) -> list[str]:
        """Sign the lines of the newest weekly and monthly list that nobody signed yet; which.

        That on costs is signed where they are reviewed.
        """
        now, signed = self.root.clock.now(), []
        done = {(one.item, one.partition) for one in self._standing().sign_offs}
        for item in (*WEEKLY, *MONTHLY):
            partition = window_at(item.cadence, now).start.date().isoformat()
            if item.id == REVIEWED or (item.id, partition) in done:
                continue
            shown = keep_shown(self.root, self.feature, item, partition)
            about = {"item": item.id, "domain": item.domain, "cadence": item.cadence}
            content = {**about, "partition": partition, "note": SEEN, "shown": shown}
            self._decide("sign_off", item.domain, content)
            signed.append(item.id)
        return signed

    def _approve(self, kind: EventKind, version: str, reason: str) -> None:
        gate = self._standing().gate
        digest = gate.hash if gate else self.feature.gate.digest
        content = {"version": version, "gate_hash": digest, "reason": reason}
        self._decide(kind, "accuracy_evaluation", content)

    def _decide(self, kind: EventKind, domain: Domain, content: Mapping[str, Any]) -> None:
        record(self.root, self.feature, self._signed(kind, domain, content))

    def _signed(self, kind: EventKind, domain: Domain, content: Mapping[str, Any]) -> str:
        return sign_decision(self.root, self.feature, kind, self._of(domain), content)

    def _of(self, domain: Domain) -> str:
        return self.feature.owner_of(domain).accountable

    def _standing(self) -> Standing:
        return standing_of(self.root.ledger, self.feature.name)


def judged(retraining: Retraining) -> tuple[str | None, bool, str]:
    """The candidate of a retraining, whether the gate passed it, and the gate's words.

    No version when the retraining has not come to its evaluation.
    """
    said = retraining.stages.get("evaluated")
    if said is None:
        return None, False, ""
    return str(said["version"]), bool(said["accepted"]), str(said["reason"])
