"""Rows with labels over days, and versions that are known to be so many points apart in AUC.

A row has a true risk, drawn from a Beta distribution; a version sees its log odds through noise of
its own and through noise that it shares with the other version, and answers the share of true
labels among the rows that it sees so: each version is calibrated. How much noise gives which AUC
is solved on a large sample of its own. Days of different size may make every risk higher or lower,
and may suit one version more than the other.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

Floats = npt.NDArray[np.float64]
LARGE = 200_000
"""Rows on which a version's noise is solved for its AUC, and its answers are calibrated."""


@dataclass(frozen=True)
class World:
    """How rows come to be: ``rate`` of them are true, the champion's AUC is ``auc``.

    ``shared`` of the variance of the versions' noise is the same for both. ``day`` is the spread of
    the days' log odds; ``suits`` that of how much more noise a version has on one day than on
    another; ``uneven`` that of the logarithm of the days' sizes.
    """

    name: str
    rate: float
    auc: float
    shared: float
    day: float = 0.0
    suits: float = 0.0
    uneven: float = 0.0


WORLDS = (
    World("independent rows", 0.24, 0.73, 0.9),
    World("days differ", 0.24, 0.73, 0.9, day=0.35, uneven=0.3),
    World("days suit one version", 0.24, 0.73, 0.9, day=0.35, suits=0.15, uneven=0.3),
    World("half are true", 0.50, 0.77, 0.9, day=0.2),
    World("few are true", 0.06, 0.77, 0.9, day=0.2),
    World("errors of their own", 0.24, 0.73, 0.0, day=0.2),
)


@dataclass(frozen=True)
class Rows:
    """N rows of some days: labels, and what both versions answered."""

    day: npt.NDArray[np.int64]
    label: npt.NDArray[np.bool_]
    champion: Floats
    candidate: Floats


@dataclass(frozen=True)
class Version:
    """So much noise, and what it answers to what it sees. AUC and accuracy are the true ones."""

    noise: float
    seen: Floats
    answered: Floats
    auc: float
    accuracy: float

    def score(self, sees: Floats) -> Floats:
        answered: Floats = np.interp(sees, self.seen, self.answered)
        return answered


class Made:
    """A world whose versions can be made, so many points of AUC from the champion."""

    def __init__(self, world: World, seed: int, large: int = LARGE) -> None:
        self.world = world
        random = np.random.default_rng([seed, large])
        self._risk = logit(_risk(world, large, random))
        pushed = self._risk + world.day * random.normal(size=large)
        self._label = random.random(large) < expit(pushed)
        self._noise = _laplace(random, large)
        self.champion = self.version(0.0)

    def version(self, points: float) -> Version:
        """The version that is ``points`` hundredths of AUC better than the champion."""
        goal = self.world.auc + points / 100
        noise = float(brentq(lambda size: self._auc(size) - goal, 0.0, 8.0, xtol=1e-3))
        sees = self._risk + noise * self._noise
        steps = np.quantile(sees, np.linspace(0, 1, 400))
        middle = (steps[1:] + steps[:-1]) / 2
        answers = IsotonicRegression(y_min=0.001, y_max=0.999, out_of_bounds="clip")
        answers.fit(sees, self._label)
        answered = np.asarray(answers.predict(middle), float) + 1e-7 * np.arange(len(middle))
        made = Version(noise, middle, answered, 0.0, 0.0)
        score = made.score(sees)
        right = float(((score >= 0.5) == self._label).mean())
        return Version(noise, middle, answered, float(roc_auc_score(self._label, score)), right)

    def rows(self, count: int, days: int, candidate: Version, random: np.random.Generator) -> Rows:
        """Rows of some days, answered by the champion and by a candidate."""
        world = self.world
        size = np.exp(world.uneven * random.normal(size=days))
        day = np.sort(random.choice(days, count, p=size / size.sum()))
        risk = logit(_risk(world, count, random))
        label = random.random(count) < expit(risk + world.day * random.normal(size=days)[day])
        shared = _laplace(random, count)
        scores = []
        for version in (self.champion, candidate):
            own = np.sqrt(world.shared) * shared
            own += np.sqrt(1 - world.shared) * _laplace(random, count)
            suited = np.exp(world.suits * random.normal(size=days))[day]
            scores.append(version.score(risk + version.noise * suited * own))
        return Rows(day, label, scores[0], scores[1])

    def _auc(self, noise: float) -> float:
        return float(roc_auc_score(self._label, self._risk + noise * self._noise))


def _risk(world: World, count: int, random: np.random.Generator) -> Floats:
    # Two rows' worth of evidence: risks are spread widely, most of them low where few are true.
    drawn: Floats = random.beta(2 * world.rate, 2 * (1 - world.rate), count)
    return np.clip(drawn, 0.002, 0.998)


def _laplace(random: np.random.Generator, count: int) -> Floats:
    drawn: Floats = random.laplace(scale=np.sqrt(0.5), size=count)
    return drawn
