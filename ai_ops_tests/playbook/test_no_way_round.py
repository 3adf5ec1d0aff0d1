"""No promotion while a hold or a forbidding incident stands: in any order of what can happen, in
one process and in several, by the real functions on a real ledger with real keys."""

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.storage.believed import believed
from ai_ops.storage.decisions import record
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused, PromotionRefused
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.playbook.crowd import ROLES, act_at_random, promote_after_a_look
from ai_ops_tests.playbook.way_to_production import FORGED, Way, through_a_closed_way
from ai_ops_tests.retraining_pipeline.moving import back_token, candidate
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    SCIENTIST,
    approved,
    champion,
    copied_root,
    decided,
    gate_passed,
    happened,
    incident,
    judged,
    later,
    launched,
    registered,
    root_with,
    standing,
    token_of,
)

pytestmark = pytest.mark.requirement("PB-15", "PB-34", "PB-35")

VERSIONS = st.sampled_from(["2", "3"])
IDS = st.sampled_from(["drift-1", "drift-2"])
CONCLUSIONS = st.sampled_from(["bad_data", "genuine_shift", "false_alarm", "other"])
UNSEEN = ("incident_opened", "incident_joined", "incident_reopened", "incident_concluded")
CLOSED_AGAIN: dict[str, tuple[str, ...]] = {
    "release": ("hold",),
    "incident_concluded": UNSEEN,
    "incident_resolved": UNSEEN,
}
"""What undoes a decision that was signed before it and handed in after it."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A feature that is launched with version 1; versions 2 and 3 are registered."""
    versions = registered(tmp_path_factory.getbasetemp())
    root = root_with(versions, tmp_path_factory.mktemp("way") / "root")
    launched(root)
    return root


def refusal_of(act: Callable[[], object]) -> str:
    """Why an act was refused; empty when it was not."""
    try:
        act()
    except (PromotionRefused, DecisionRefused) as refused:
        return str(refused)
    return ""


class AnyOrder(RuleBasedStateMachine):
    """Whatever can happen to a feature, in any order; beside it, what may be promoted."""

    template: Root
    folder: Path
    made = 0
    tokens = Bundle("tokens")

    @initialize()
    def begin(self) -> None:
        type(self).made += 1
        self.root = copied_root(self.template, self.folder / f"root-{self.made}")
        self.gate: dict[str, list[tuple[bool, str]]] = {"2": [], "3": []}
        self.approval: dict[str, tuple[int, bool] | None] = {"2": None, "3": None}
        self.live, self.been = "1", {"1"}

    # What machines judge and people decide about a version

    @rule(version=VERSIONS, passes=st.booleans())
    def judge(self, version: str, passes: bool) -> None:
        later(self.root, minutes=1)
        said: Any = {} if passes else {"gate_improvement": "fail"}
        gate_passed(self.root, version, self.live, **said)
        self.gate[version].append((passes, self.live))

    @rule(version=VERSIONS)
    def approve(self, version: str) -> None:
        later(self.root, minutes=1)
        approved(self.root, version)
        self.approval[version] = len(self.gate[version]), True

    @rule(version=VERSIONS)
    def judge_and_approve(self, version: str) -> None:
        self.judge(version, True)
        self.approve(version)

    @rule(version=VERSIONS)
    def reject(self, version: str) -> None:
        later(self.root, minutes=1)
        gate_hash = FEATURE.gate.digest
        said = {"version": version, "gate_hash": gate_hash, "reason": "not this one"}
        decided(self.root, "rejection", SCIENTIST, **said)
        self.approval[version] = len(self.gate[version]), False

    # What closes the way, and what opens it

    @rule(by=st.sampled_from([DEVOPS, SCIENTIST]))
    def hold(self, by: str) -> None:
        later(self.root, minutes=1)
        decided(self.root, "hold", by, reason="the labels look odd")

    @rule()
    def release(self) -> None:
        self.decide("release", may=self.way().held, reason="go on")

    @rule(id=IDS, alert=st.sampled_from(["drift", "accuracy_drop"]))
    def alert(self, id: str, alert: str) -> None:
        """An alert opens an incident, joins the one that waits, or opens again what was over."""
        later(self.root, minutes=1)
        state = self.way().incidents.get(id)
        if state is None:
            incident(self.root, id, alert)
        elif state == "resolved":
            said = {"incident": id, "reason": "it is back", "by": "ai_ops"}
            happened(self.root, "incident_reopened", **said)
        elif state == "open":
            said = {"incident": id, "alert": alert, "item": "output_drift", "by": "ai_ops"}
            more = {"begin": "2021-03-10", "reason": "more of it", "columns": []}
            happened(self.root, "incident_joined", **said, **more)

    @rule(id=IDS, conclusion=CONCLUSIONS)
    def conclude(self, id: str, conclusion: str) -> None:
        may = self.way().incidents.get(id, "resolved") != "resolved"
        said = {"incident": id, "conclusion": conclusion, "note": ""}
        self.decide("incident_concluded", may=may, **said)

    @rule(id=IDS)
    def resolve(self, id: str) -> None:
        may = self.way().incidents.get(id, "open") not in ("open", "resolved")
        self.decide("incident_resolved", may=may, incident=id, note="mended")

    @rule(id=IDS)
    def resolve_by_machine(self, id: str) -> None:
        """A machine's row, whether or not evidence stands behind it."""
        if id in self.way().incidents:
            said = {"incident": id, "note": "it passes", "by": "ai_ops"}
            happened(self.root, "incident_resolved", **said)

    @rule(passes=st.booleans())
    def see(self, passes: bool) -> None:
        later(self.root, minutes=1)
        judged(self.root, "input_drift", "drift_report", "pass" if passes else "fail")

    # Who signs today what is handed in some day, and who signs nothing

    @rule(target=tokens, kind=st.sampled_from(list(CLOSED_AGAIN)), id=IDS, what=CONCLUSIONS)
    def sign(self, kind: EventKind, id: str, what: str) -> tuple[EventKind, str, str, int]:
        later(self.root, minutes=1)
        said: dict[str, dict[str, str]] = {
            "release": {"reason": "go on"},
            "incident_concluded": {"incident": id, "conclusion": what, "note": ""},
            "incident_resolved": {"incident": id, "note": "mended"},
        }
        token = token_of(self.root, kind, SCIENTIST, **said[kind])
        return kind, id, token, self.root.ledger.head()

    @rule(signed=consumes(tokens))
    def hand_in(self, signed: tuple[EventKind, str, str, int]) -> None:
        kind, id, token, head = signed
        later(self.root, minutes=1)
        since = self.root.ledger.events(NAME, kinds=CLOSED_AGAIN[kind], after=head)  # type: ignore[arg-type]
        about = [one for one in since if kind == "release" or one.payload["incident"] == id]
        real = [one for one in about if one.payload.get("token") != FORGED]
        before = self.way().closed
        if refusal_of(lambda: record(self.root, FEATURE, token)):
            assert self.way().closed == before
        else:
            assert not real, f"a {kind} that {real[-1].kind} had overtaken"

    @rule(kind=st.sampled_from(list(CLOSED_AGAIN)), id=IDS)
    def forge(self, kind: EventKind, id: str) -> None:
        if kind != "release" and id not in self.way().incidents:
            return
        said = {"incident": id, "conclusion": "false_alarm", "note": "", "reason": "go on"}
        happened(self.root, kind, **said, by=SCIENTIST, nonce="0", token=FORGED)

    # What moves production

    @rule(version=VERSIONS)
    def promote(self, version: str) -> None:
        later(self.root, minutes=1)
        closed, earned = self.way().closed, self.earned(version)
        refused = refusal_of(lambda: promote(self.root, FEATURE, version))
        assert bool(refused) == bool(closed or not earned), (version, closed, refused)
        if not refused:
            self.now_live(version)
        assert champion(self.root) == standing(self.root).live == self.live

    @rule(version=VERSIONS)
    def earn_and_promote(self, version: str) -> None:
        self.judge_and_approve(version)
        self.promote(version)

    @rule(version=VERSIONS)
    def settle_and_promote(self, version: str) -> None:
        """Whatever stands in the way is answered by the people whose it is."""
        for closed in self.way().closed:
            if closed == "hold":
                self.release()
            else:
                self.conclude(closed, "false_alarm")
                self.resolve(closed)
        assert not self.way().closed
        self.earn_and_promote(version)

    @rule(version=st.sampled_from(["1", "2", "3"]))
    def roll_back(self, version: str) -> None:
        """Neither a hold nor an incident stands in the way back to what was live."""
        later(self.root, minutes=1)
        may = version in self.been and version != self.live
        token = back_token(self.root, version)
        refused = refusal_of(lambda: rollback(self.root, FEATURE, token))
        assert bool(refused) != may, refused
        if not refused:
            self.now_live(version)

    @invariant()
    def says_what_it_is(self) -> None:
        """What promotions go by says the same as the tests' own fold."""
        if root := getattr(self, "root", None):
            real, _ = believed(root, FEATURE)
            assert len(real.forbidding) >= len(self.way().closed) and (
                bool(real.forbidding) == bool(self.way().closed)
            ), (real.forbidding, self.way().closed)

    def teardown(self) -> None:
        if root := getattr(self, "root", None):
            assert through_a_closed_way(root.ledger.events(NAME)) == []
            assert root.ledger.verify().events
            shutil.rmtree(root.folder)

    def decide(self, kind: EventKind, *, may: bool, **content: Any) -> None:
        later(self.root, minutes=1)
        refused = refusal_of(lambda: decided(self.root, kind, SCIENTIST, **content))
        assert bool(refused) != may, refused

    def way(self) -> Way:
        way = Way()
        for event in self.root.ledger.events(NAME):
            way.after(event)
        return way

    def earned(self, version: str) -> bool:
        """Whether gate and approval let a version through, if nothing else forbids it."""
        judged, approval = self.gate[version], self.approval[version]
        if not judged or approval is None or version == self.live:
            return False
        seen, yes = approval
        return yes and seen > 0 and judged[seen - 1][0] and judged[-1] == (True, self.live)

    def now_live(self, version: str) -> None:
        self.live = version
        self.been.add(version)
        self.approval[version] = None  # a move uses it up


def test_no_order_of_events_promotes_past_a_hold_or_an_incident(
    template: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The files of the versions are whole here; reading them at each look would take the time.
    monkeypatch.setattr(Registry, "load", lambda *_: None)
    machine = type("Machine", (AnyOrder,), {"template": template, "folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            phases=[
                Phase.reuse,
                Phase.generate,
            ],  # twenty steps read well; a cut takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


def joined(root: Root, id: str) -> None:
    said = {"incident": id, "alert": "drift", "item": "output_drift", "begin": "2021-03-10"}
    more = {"reason": "more of it", "columns": [], "by": "ai_ops"}
    happened(root, "incident_joined", **said, **more)


def there_again(root: Root, id: str) -> None:
    decided(root, "incident_concluded", SCIENTIST, incident=id, conclusion="other", note="")
    decided(root, "incident_resolved", SCIENTIST, incident=id, note="mended")
    happened(root, "incident_reopened", incident=id, reason="it is back", by="ai_ops")


def found_to_be_bad(root: Root, id: str) -> None:
    decided(root, "incident_concluded", SCIENTIST, incident=id, conclusion="bad_data", note="")


@pytest.mark.parametrize(
    ("kind", "then", "words"),
    [
        ("incident_concluded", joined, "output_drift joined incident"),
        ("incident_concluded", there_again, "was there again on"),
        ("incident_resolved", found_to_be_bad, "concluded incident"),
    ],
)
def test_what_was_signed_before_more_was_known_ends_no_incident(
    template: Root, tmp_path: Path, kind: EventKind, then: Callable[[Root, str], None], words: str
) -> None:
    root = copied_root(template, tmp_path / "root")
    id, said = incident(root), {"note": "", "conclusion": "false_alarm"}
    content = {"incident": id, **(said if kind == "incident_concluded" else {"note": ""})}
    token = token_of(root, kind, SCIENTIST, **content)
    later(root, minutes=1)
    then(root, id)
    with pytest.raises(DecisionRefused, match=words):
        record(root, FEATURE, token)
    assert standing(root).forbidding


# Several processes at once


@contextmanager
def process(target: Callable[..., None], *asked: Any) -> Iterator[Connection]:
    """A real process, and the line to it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ai_ops_tests.faults.promoter_server"])
    here, there = context.Pipe()
    child = context.Process(target=target, args=(*asked, there))
    child.start()
    try:
        yield here
    finally:
        if child.is_alive():
            child.kill()
        child.join()
        here.close()
        there.close()


def heard(line: Connection) -> Any:
    assert line.poll(120), "the process says nothing"
    return line.recv()


def ended(root: Root, conclusion: str) -> str:
    """An incident that is over, after it was concluded."""
    id = incident(root)
    decided(root, "incident_concluded", SCIENTIST, incident=id, conclusion=conclusion, note="")
    decided(root, "incident_resolved", SCIENTIST, incident=id, note="mended")
    return id


def a_hold(root: Root) -> str:
    decided(root, "hold", DEVOPS, reason="the labels look odd")
    return "held by"


def an_incident(root: Root) -> str:
    return f"incident {incident(root, 'accuracy_drop-2021-03-10', 'accuracy_drop')}"


def an_incident_again(root: Root) -> str:
    said = {"incident": "drift-2021-03-09", "reason": "it is back", "by": "ai_ops"}
    happened(root, "incident_reopened", **said)
    return "incident drift-2021-03-09 (drift) is concluded by nobody"


def a_rejection(root: Root) -> str:
    said = {"version": "2", "gate_hash": FEATURE.gate.digest, "reason": "not this one"}
    decided(root, "rejection", SCIENTIST, **said)
    return "rejected version 2"


@pytest.mark.parametrize("close", [a_hold, an_incident, an_incident_again, a_rejection])
def test_what_closes_the_way_while_another_process_promotes_is_seen_by_it(
    template: Root, tmp_path: Path, close: Callable[[Root], str]
) -> None:
    """The promotion has looked and found nothing in its way; then something comes into it."""
    root = copied_root(template, tmp_path / "root")
    ended(root, "genuine_shift")
    candidate(root)
    with process(promote_after_a_look, root.folder, "2") as line:
        assert heard(line) == "nothing in the way"
        words = close(root)
        line.send("go on")
        what, told = heard(line)
    assert what == "refused" and words in told
    assert champion(root) == standing(root).live == "1"
    assert through_a_closed_way(root.ledger.events(NAME)) == []


def test_without_that_the_same_promotion_goes_through_green(template: Root, tmp_path: Path) -> None:
    root = copied_root(template, tmp_path / "root")
    candidate(root)
    with process(promote_after_a_look, root.folder, "2") as line:
        assert heard(line) == "nothing in the way"
        happened(root, "drill")  # the ledger moved on, and nothing came into the way
        line.send("go on")
        assert heard(line) == ("moved", "2")
    assert champion(root) == standing(root).live == "2"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_crowd_of_processes_promotes_nothing_past_a_hold_or_an_incident(
    template: Root, tmp_path: Path, seed: int
) -> None:
    """Each role in a process of its own, in an order of its own, on one ledger."""
    root = copied_root(template, tmp_path / "root")
    with ExitStack() as stack:
        lines = {
            role: stack.enter_context(process(act_at_random, root.folder, role, seed))
            for role in ROLES
        }
        assert {heard(line) for line in lines.values()} == {"ready"}
        for line in lines.values():
            line.send("go")
        done = {role: heard(line) for role, line in lines.items()}
    events = root.ledger.events(NAME)
    assert through_a_closed_way(events) == []
    moved = [one for one in events if one.kind == "promotion"]
    tried, went, refused = (
        sum(told[what] for told in done.values()) for what in ("tried", "moved", "refused")
    )
    # One that finds the other's move half done completes it, and no second one is recorded.
    assert len(moved) <= went and went + refused == tried > 0
    assert champion(root) == standing(root).live
    assert root.ledger.verify().events >= len(events)
