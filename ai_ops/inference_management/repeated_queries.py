"""What a cache would have answered, and how often wrongly: replayed over the queries as logged.

Two tiers of keys: a query as it was asked, and with its texts and categories stripped of case and
punctuation. A cache is emptied every hour, every day or never: what one answers whose entries live
so long is never less (emptying at fixed times spoils some lives). A hit is wrong when the answer
that was logged differs from the one that the cache kept: in its decision, in a number by more than
``TOLERANCE``, in its words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import duckdb

from ai_ops.inference_management.service_levels import wilson

Tier = Literal["exact", "normalised"]
Emptied = Literal["hourly", "daily", "never"]

TOLERANCE: Final = 0.01
"""By how much two probabilities may differ, and two numbers as a share of the larger."""
WRONG_ALLOWED: Final = 0.01
"""A cache is proposed when at most so many of its hits are wrong, surely."""
NEARLY: Final = 0.9
"""A cache that answers this share of another is as good: what lives shorter grows less stale."""

_MICROS: Final[dict[Emptied, int]] = {"hourly": 3_600 * 10**6, "daily": 86_400 * 10**6, "never": 0}
_COLUMNS: Final[dict[Tier, str]] = {"exact": "exact", "normalised": "normal"}

_ASKED: Final = """
SELECT call_site, tenant, count(*), count(*) FILTER (NOT told), coalesce(sum(us), 0),
       coalesce(sum(tokens), 0)::BIGINT
FROM asked WHERE NOT cached GROUP BY ALL ORDER BY ALL
"""
_HITS: Final = """
WITH repeated AS (
  SELECT {key} FROM asked WHERE NOT cached GROUP BY {key} HAVING count(*) > 1
), placed AS (
  SELECT *, {life} AS life FROM asked SEMI JOIN repeated USING ({key}) WHERE NOT cached
), answered AS (
  SELECT call_site, tenant, us, tokens, told AND first_value(told) OVER kept AS judged,
         row_number() OVER kept > 1 AS hit,
         decision != first_value(decision) OVER kept AS decides,
         {numbers} AS counts,
         said != first_value(said) OVER kept AS says
  FROM placed WINDOW kept AS (PARTITION BY {key}, life ORDER BY moment, id)
)
SELECT call_site, tenant, count(*), coalesce(sum(us), 0), coalesce(sum(tokens), 0)::BIGINT,
       count(*) FILTER (judged), count(*) FILTER (judged AND (decides OR counts OR says)),
       count(*) FILTER (judged AND decides), count(*) FILTER (judged AND counts),
       count(*) FILTER (judged AND says)
FROM answered WHERE hit GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class Asked:
    """The answered queries of one call site and tenant, that no cache answered already; of
    ``untold`` ones the log does not hold the answer."""

    call_site: str | None
    tenant: str | None
    rows: int
    untold: int
    us: float
    tokens: int


@dataclass(frozen=True)
class Hits:
    """What a cache of a tier, emptied so often, would have answered of one call site and tenant.

    ``us`` and ``tokens`` are what these answers took. Of ``judged`` hits both answers are known;
    ``wrong`` ones differ in decisions, numbers or words, which may be several.
    """

    tier: Tier
    emptied: Emptied
    call_site: str | None
    tenant: str | None
    hits: int
    us: float
    tokens: int
    judged: int
    wrong: int
    decisions: int
    numbers: int
    words: int

    @property
    def wrong_bounds(self) -> tuple[float, float] | None:
        """Between which shares of the hits are wrong (95 %); None when no answer is known."""
        return wilson(self.wrong, self.judged) if self.judged else None

    @property
    def safe(self) -> bool:
        """Whether surely no more than ``WRONG_ALLOWED`` of the hits are wrong."""
        bounds = self.wrong_bounds
        return bounds is not None and bounds[1] <= WRONG_ALLOWED


@dataclass(frozen=True)
class Repeats:
    """Who asked, and what each cache would have answered of it; one in ``one_in`` was drawn."""

    asked: tuple[Asked, ...]
    hits: tuple[Hits, ...]
    one_in: int = 1

    @property
    def rows(self) -> int:
        """The queries that a cache could have been asked."""
        return sum(one.rows for one in self.asked)

    def of(self, tier: Tier, emptied: Emptied) -> tuple[Hits, ...]:
        """What one cache would have answered, by call site and tenant."""
        return tuple(one for one in self.hits if (one.tier, one.emptied) == (tier, emptied))

    def best(self) -> Hits | None:
        """The whole of the safe cache to choose: of those that answer nearly as much as the one
        that answers most, the plainest and the shortest-lived; None when none is safe."""
        wholes = [whole(self.of(tier, life)) for tier in _COLUMNS for life in _MICROS]
        safe = [one for one in wholes if one is not None and one.safe]
        most = max((one.hits for one in safe), default=0)
        return next((one for one in safe if one.hits >= NEARLY * most), None)


def measure_repeats(
    engine: duckdb.DuckDBPyConnection, numbers: Sequence[str], one_in: int = 1
) -> Repeats:
    """Replay the caches over the table ``asked``, whose outputs ``numbers`` are numbers."""
    differs = " OR ".join(_apart(f"number_{k}") for k in range(len(numbers))) or "false"
    hits = [
        Hits(tier, emptied, call_site, tenant, *counts)
        for tier, key in _COLUMNS.items()
        for emptied, micros in _MICROS.items()
        for call_site, tenant, *counts in engine.execute(
            _HITS.format(key=key, life=f"moment // {micros}" if micros else "0", numbers=differs)
        ).fetchall()
    ]
    asked = [Asked(*row) for row in engine.execute(_ASKED).fetchall()]
    return Repeats(tuple(asked), tuple(hits), one_in)


def whole(parts: Iterable[Hits]) -> Hits | None:
    """The parts of one cache as one; None without any."""
    found = tuple(parts)
    if not found:
        return None
    sums = {
        name: sum(getattr(one, name) for one in found)
        for name in ("hits", "us", "tokens", "judged", "wrong", "decisions", "numbers", "words")
    }
    return Hits(found[0].tier, found[0].emptied, None, None, **sums)


def _apart(column: str) -> str:
    """Whether a number is another one than the cache kept."""
    kept = f"first_value({column}) OVER kept"
    scale = f"greatest(1.0, abs({column}), abs({kept}))"
    known = f"coalesce(abs({column} - {kept}) > {TOLERANCE} * {scale}, false)"
    return f"({known} OR ({column} IS NULL) != ({kept} IS NULL))"
