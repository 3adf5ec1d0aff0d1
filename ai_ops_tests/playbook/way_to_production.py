"""What forbids a promotion, told again in the plainest words there are: the tests' own fold.

It shares no line with the one that promotions go by: two that agree on any order of events are
worth more than one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ai_ops.storage.ledger_chain import Event

FORGED = "nothing that was signed"
"""The token of a row that somebody appended in another one's name."""


@dataclass
class Way:
    """Whether the way to production is open, after each event of the ledger."""

    held: bool = False
    incidents: dict[str, str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    concluded: dict[str, str] = field(default_factory=dict)
    well: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def closed(self) -> list[str]:
        """What closes it: a hold, incidents that nobody concluded, bad data that is not mended."""
        open = [id for id, state in self.incidents.items() if state in ("open", "bad_data")]
        return [*(["hold"] if self.held else []), *open]

    def after(self, event: Event) -> None:
        """Go on by one event; a row that nobody signed changes nothing."""
        said, id = event.payload, str(event.payload.get("incident"))
        if said.get("token") == FORGED:
            return
        match event.kind:
            case "verdict":
                self.well[said["item"]] = said["status"], event.as_of.isoformat()
            case "hold":
                self.held = True
            case "release":
                self.held = False
            case "incident_opened":
                self.incidents[id], self.items[id] = "open", said["item"]
            case "incident_reopened":
                self.incidents[id] = "open"
            case "incident_concluded":
                self.incidents[id] = said["conclusion"]
                self.concluded[id] = event.as_of.isoformat()
            case "incident_resolved" if said["by"] != "ai_ops" or self._seen_to_be_well(id):
                self.incidents[id] = "resolved"

    def _seen_to_be_well(self, id: str) -> bool:
        """Whether a machine may say that it is over: evidence says so, since a person concluded."""
        state = self.incidents[id]
        status, at = self.well.get(self.items[id], ("", ""))
        since = self.concluded.get(id, "9")
        return state != "open" and (state != "bad_data" or (status == "pass" and at > since))


def ways(events: Iterable[Event]) -> Iterator[tuple[Event, list[str]]]:
    """Each event, and what closed the way to production right before it."""
    way = Way()
    for event in events:
        yield event, way.closed
        way.after(event)


def through_a_closed_way(events: Iterable[Event]) -> list[str]:
    """The promotions that went through all the same: none."""
    return [
        f"version {event.payload['version']} in block {event.block_seq}, past {closed}"
        for event, closed in ways(events)
        if event.kind == "promotion" and closed
    ]
