"""Queries that are nearly the same text: MinHash over the distinct ones, never over every row.

Two texts are near when the sets of their four-letter pieces have ``ALIKE`` of their union in
common. MinHash (Broder 1997, "On the resemblance and containment of documents") finds the pairs,
the sets themselves decide. Only texts of one version, tenant and otherwise equal query are held
together. Of more than ``TEXTS`` distinct ones so many are drawn, by their hash: a pair is seen when
both are drawn, so that what is found is less than there is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import xxhash

from ai_ops.inference_management.repeated_queries import TOLERANCE, WRONG_ALLOWED
from ai_ops.inference_management.service_levels import wilson

TEXTS: Final = 5_000
"""How many distinct texts are compared: about two seconds of a core."""
ALIKE: Final = 0.8
_HASHES: Final = 128
_PIECE: Final = 4
_CANDIDATES: Final = 50

_DISTINCT: Final = """
SELECT rest, written, arg_min(call_site, moment) AS call_site, arg_min(tenant, moment) AS tenant,
       avg(us) AS us, avg(tokens) AS tokens, arg_min(told, moment) AS told,
       arg_min(decision, moment) AS decision, arg_min(said, moment) AS said,
       [{numbers}]::DOUBLE[] AS numbers
FROM asked WHERE NOT cached AND written IS NOT NULL AND written != ''
GROUP BY rest, written ORDER BY min(moment), min(id)
"""


@dataclass(frozen=True)
class Near:
    """What a cache of near texts would have answered beyond one of the same texts.

    ``distinct`` texts were asked, ``compared`` of them were drawn. Of those, ``hits`` were near an
    earlier one, in ``judged`` both answers are known and in ``wrong`` they differ. ``us`` and
    ``tokens`` are what the hits took. ``call_site`` and ``tenant`` asked most of them, ``theirs``.
    """

    distinct: int
    compared: int
    hits: int = 0
    us: float = 0.0
    tokens: float = 0.0
    judged: int = 0
    wrong: int = 0
    call_site: str | None = None
    tenant: str | None = None
    theirs: int = 0

    @property
    def wrong_bounds(self) -> tuple[float, float] | None:
        """Between which shares of the hits are wrong (95 %); None when no answer is known."""
        return wilson(self.wrong, self.judged) if self.judged else None

    @property
    def safe(self) -> bool:
        """Whether surely no more than ``WRONG_ALLOWED`` of the hits are wrong."""
        bounds = self.wrong_bounds
        return bounds is not None and bounds[1] <= WRONG_ALLOWED


def measure_near(
    engine: duckdb.DuckDBPyConnection, numbers: Sequence[str], at_most: int = TEXTS
) -> Near:
    """How many distinct texts of the table ``asked`` are near an earlier one."""
    told = ", ".join(f"arg_min(number_{k}, moment)" for k in range(len(numbers)))
    engine.execute(f"CREATE OR REPLACE TEMP TABLE texts AS {_DISTINCT.format(numbers=told)}")
    ((distinct,),) = engine.execute("SELECT count(*) FROM texts").fetchall()
    drawn = engine.execute(
        "SELECT * FROM (SELECT *, row_number() OVER () AS place FROM texts) "
        "QUALIFY row_number() OVER (ORDER BY hash(written, rest)) <= ? ORDER BY place",
        [at_most],
    )
    names = [column[0] for column in drawn.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in drawn.fetchall()]
    return _near(distinct, rows)


def _near(distinct: int, rows: Sequence[Mapping[str, Any]]) -> Near:
    groups = defaultdict[int, list[Mapping[str, Any]]](list)
    for row in rows:
        groups[row["rest"]].append(row)
    pairs = [pair for group in groups.values() if len(group) > 1 for pair in _pairs(group)]
    judged = [(one, kept) for one, kept in pairs if one["told"] and kept["told"]]
    askers = defaultdict[tuple[str | None, str | None], int](int)
    for one, _ in pairs:
        askers[one["call_site"], one["tenant"]] += 1
    (call_site, tenant), theirs = max(
        askers.items(), key=lambda item: item[1], default=((None, None), 0)
    )
    return Near(
        distinct,
        len(rows),
        hits=len(pairs),
        us=sum(one["us"] or 0.0 for one, _ in pairs),
        tokens=sum(one["tokens"] or 0.0 for one, _ in pairs),
        judged=len(judged),
        wrong=sum(_differ(one, kept) for one, kept in judged),
        call_site=call_site,
        tenant=tenant,
        theirs=theirs,
    )


def _pairs(
    group: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each text with the kept one that it is nearest to; what is near none is kept."""
    from datasketch import MinHash, MinHashLSH  # it imports scipy's statistics

    # Rather a candidate too many than a pair too few: the sets decide.
    kept = MinHashLSH(threshold=ALIKE, num_perm=_HASHES, weights=(0.1, 0.9))
    pieces = [_pieces(row["written"]) for row in group]
    encoded = [[piece.encode() for piece in own] for own in pieces]
    signed = MinHash.bulk(encoded, num_perm=_HASHES, hashfunc=xxhash.xxh32_intdigest)
    pairs = []
    for place, (own, signature) in enumerate(zip(pieces, signed, strict=True)):
        candidates = sorted(kept.query(signature))[:_CANDIDATES]
        likes = [(_alike(own, pieces[other]), -other) for other in candidates]
        alike, earlier = max(likes, default=(0.0, 0))
        if alike >= ALIKE:
            pairs.append((group[place], group[-earlier]))
        else:
            kept.insert(place, signature)
    return pairs


def _pieces(text: str) -> frozenset[str]:
    """The four-letter pieces of a text.

    >>> sorted(_pieces("a test"))
    [' tes', 'a te', 'test']
    """
    return frozenset(text[k : k + _PIECE] for k in range(max(1, len(text) - _PIECE + 1)))


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _differ(one: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    if one["decision"] != kept["decision"] or one["said"] != kept["said"]:
        return True
    for number, other in zip(one["numbers"], kept["numbers"], strict=True):
        if (number is None) != (other is None):
            return True
        if number is not None:
            scale = max(1.0, abs(number), abs(other))
            if abs(number - other) > TOLERANCE * scale:
                return True
    return False
