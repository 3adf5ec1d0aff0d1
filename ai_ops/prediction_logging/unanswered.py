"""User actions beside the log: those that have no prediction in it, and where they gather."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from ai_ops.vocabulary.verdicts import Finding
from ai_ops.vocabulary.windows import Window


class Actions(msgspec.Struct, frozen=True, kw_only=True):
    """User actions of one day, or of one call site or tenant in it, beside the log.

    ``begin`` is the time of the first action without a prediction.
    """

    n: int
    without_prediction: int
    begin: datetime | None = None

    @property
    def share(self) -> float:
        """The share of actions without a prediction, in [0, 1]."""
        return self.without_prediction / self.n


def unanswered(
    actions: Actions,
    by_call_site: Mapping[str, Actions],
    by_tenant: Mapping[str, Actions],
    allowed: float,
    window: Window,
) -> list[Finding]:
    """What is wrong when more than an ``allowed`` share of the actions have no prediction."""
    if not actions.n or (actions.share <= allowed and actions.share < 1):
        return []  # that every action misses its prediction, no allowance covers
    whole = Finding(
        "completeness",
        "fail",
        f"{_of(actions)} user actions have no prediction in the log ({allowed:.1%} are allowed)",
        window=window,
        begin=actions.begin,
        size=actions.share,
    )
    return [
        whole,
        *_concentrated(actions, by_call_site, "call_site", allowed, window),
        *_concentrated(actions, by_tenant, "tenant", allowed, window),
    ]


def _concentrated(
    whole: Actions,
    groups: Mapping[str, Actions],
    what: Literal["call_site", "tenant"],
    allowed: float,
    window: Window,
) -> list[Finding]:
    """A finding for each group that misses more than is allowed and more than the whole day."""
    return [
        Finding(
            "completeness",
            "fail",
            f"{what.replace('_', ' ')} {name}: {_of(actions)} user actions have no prediction",
            call_site=name if what == "call_site" else None,
            tenant=name if what == "tenant" else None,
            window=window,
            begin=actions.begin,
            size=actions.share,
        )
        for name, actions in sorted(groups.items())
        if actions.share > allowed and (actions.share > whole.share or len(groups) == 1)
    ]


def _of(actions: Actions) -> str:
    return f"{actions.without_prediction} of {actions.n} ({actions.share:.1%})"
