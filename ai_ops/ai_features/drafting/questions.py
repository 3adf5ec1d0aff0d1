"""What a table cannot tell, and who answers it: the person, beforehand or in the draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ai_ops.vocabulary.errors import BadInput

OPEN: Final = "QUESTION:"
"""What a comment of a draft begins with that waits for an answer."""

NOBODY: Final = "WHO?"
"""Stands where an owner belongs; no mail address, so that no command loads the feature."""

NOTHING: Final = "none"
"""The answer that there is no such column."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one field of the YAML; ``guess`` stands there until it is answered."""

    field: str
    question: str
    candidates: tuple[str, ...] = ()
    guess: str | None = None


@dataclass(slots=True)
class Asking:
    """Collects the questions of one draft, and takes the answers that were given beforehand.

    Which answers were never asked for is told by ``unasked``: a misspelt field is not an answer.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def given(self, name: str) -> str | None:
        """The answer that was given for a field beforehand."""
        self.taken.add(name)
        return self.answers.get(name)

    def ask(
        self, name: str, question: str, candidates: Sequence[str] = (), guess: str | None = None
    ) -> str | None:
        """The answer for a field: the one given, else a guess with the question beside it."""
        if (answer := self.given(name)) is not None:
            return None if answer == NOTHING else answer
        self.questions.append(Question(name, question, tuple(candidates), guess))
        return guess

    def column(
        self,
        name: str,
        known: Sequence[str],
        found: Sequence[str],
        *,
        sure: bool,
        question: str,
    ) -> str | None:
        """The column for a field: the one that was answered, or the first found.

        Where none of several stands out it is asked for. ``BadInput`` for one that is not there.
        """
        answer = self.given(name)
        if answer is not None and answer != NOTHING and answer not in known:
            raise BadInput(
                f"--answer {name}: the table has no column {answer}; it has: {', '.join(known)}"
            )
        if answer is not None or (found and not sure):
            return self.ask(name, question, found, found[0] if found else None)
        return found[0] if found else None

    def unasked(self) -> list[str]:
        """The fields that were answered and that nothing asked for."""
        return sorted(set(self.answers) - self.taken)
