"""A draft as YAML that a person reads: keys in order, reasons as comments, questions above."""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import yaml

from ai_ops.ai_features.drafting.questions import OPEN, Question

_WIDTH: Final = 98


@dataclass(slots=True)
class Page:
    """Lines of YAML; the questions on a field stand above its line."""

    questions: Sequence[Question]
    lines: list[str] = field(default_factory=list)
    _indent: int = 0
    _shown: set[str] = field(default_factory=set)

    def comment(self, words: str) -> None:
        """A reason, above the line that follows."""
        self._comment(words, self._indent)

    def key(self, name: str, value: Any, about: str = "") -> None:
        """One key with its value, the questions on ``about`` above it."""
        self.ask(about)
        self.lines.append(f"{' ' * self._indent}{plain(name)}: {plain(value)}")

    def item(self, value: Mapping[str, Any], reason: str = "") -> None:
        """One member of a list, on one line."""
        if reason:
            self._comment(reason, self._indent)
        self.lines.append(f"{' ' * self._indent}- {plain(value)}")

    def left_out(self, words: str) -> None:
        """A member of a list that is only mentioned."""
        self._comment(words, self._indent)

    def open(self, name: str, about: str = "") -> None:
        """Begin a part: what follows is below it, until ``close``."""
        self.ask(about)
        self.lines.append(f"{' ' * self._indent}{plain(name)}:")
        self._indent += 2

    def close(self) -> None:
        """End a part."""
        self._indent -= 2

    def gap(self) -> None:
        """An empty line."""
        self.lines.append("")

    def ask(self, about: str) -> None:
        """The questions on a field, each once."""
        for one in self.questions:
            if about and one.field == about and about not in self._shown:
                self._comment(f"{OPEN} {one.question}", self._indent)
                if one.candidates:
                    self._comment(f"Candidates: {', '.join(one.candidates)}", self._indent)
        self._shown.add(about)

    def unshown(self) -> list[Question]:
        """The questions that no line stood for."""
        return [one for one in self.questions if one.field not in self._shown]

    @property
    def text(self) -> str:
        """The whole page."""
        return "\n".join(self.lines) + "\n"

    def _comment(self, words: str, indent: int) -> None:
        flat = re.sub(r"[^\S ]|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]", " ", words)
        width = _WIDTH - indent
        for line in textwrap.wrap(flat, width, break_long_words=False, break_on_hyphens=False):
            self.lines.append(f"{' ' * indent}# {line}")


def plain(value: Any) -> str:
    """A value as YAML writes it on one line.

    >>> plain("yes"), plain("a plain text"), plain({"name": "a", "nullable": True})
    ("'yes'", 'a plain text', '{name: a, nullable: true}')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{plain(k)}: {plain(v)}" for k, v in value.items()) + "}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and not value.isprintable():
        return json.dumps(value)
    # As a member of a list: quoted where a comma or a bracket would end it.
    shown: str = yaml.safe_dump([value], allow_unicode=True, default_flow_style=True, width=10**9)
    return shown.strip()[1:-1]
