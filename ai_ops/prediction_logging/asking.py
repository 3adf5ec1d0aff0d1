"""From what a person asks to a query: values typed by the feature, hashed as its policy does."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.keys import HASH_KEY, Keys
from ai_ops.client.policy import Policy
from ai_ops.client.privacy import HASHED, Protector
from ai_ops.client.records import Prediction
from ai_ops.prediction_logging.finding import Condition, Operator, Query, Value
from ai_ops.prediction_logging.log_columns import LogColumn, LogColumns
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import FieldRule

RULED: Final = ("subject", "tenant")
_WHERE: Final = re.compile(r"(input|output)\.([^=<>]+)(=|<|>)(.*)", re.DOTALL)


def query_of(
    feature: AiFeatureSpec,
    columns: LogColumns,
    keys: Keys,
    members: Mapping[str, str | None],
    where: Iterable[str] = (),
    begin: datetime | None = None,
    end: datetime | None = None,
) -> Query:
    """The query that a person means; ``BadInput`` names the option that nothing can answer.

    What the policy hashes is looked for by its hash, and by itself: days before the policy may
    hold it as it is.
    """
    asked: dict[str, tuple[str, ...]] = {}
    for name, value in members.items():
        if value is not None:
            rule = feature.privacy.fields.get(name, "keep") if name in RULED else "keep"
            asked[name] = _any_of(name, value, rule, keys)
    conditions = tuple(_condition(text, columns, keys) for text in where)
    return Query(asked, conditions, begin, end)


def _any_of(name: str, value: str, rule: FieldRule, keys: Keys) -> tuple[str, ...]:
    if rule == "keep" or value.startswith(HASHED):
        return (value,)
    _answerable(f"--{name}", name, rule, keys)
    return value, _hashed(name, value, keys)


def _condition(text: str, columns: LogColumns, keys: Keys) -> Condition:
    parts = _WHERE.fullmatch(text)
    if parts is None:
        raise BadInput(
            f"--where: write input.NAME=VALUE or output.NAME=VALUE (or < or >), found {text!r}"
        )
    role, name, compared, value = parts.groups()
    name = name.strip()
    column = next((c for c in columns.columns if (c.role, c.name) == (role, name)), None)
    if column is None:
        known = ", ".join(c.name for c in columns.columns if c.role == role)
        raise BadInput(f"--where: {text!r}: no {role} is named {name}; there are: {known}")
    sign: Operator = "=" if compared == "=" else "<" if compared == "<" else ">"
    if sign != "=" and not column.is_number:
        raise BadInput(f"--where: {text!r}: {name} is a {column.type}; only numbers are ordered")
    if column.rule == "keep":
        return Condition(column.role, name, column.type, sign, (_value(text, column, value),))
    _answerable(f"--where: {text!r}", name, column.rule, keys)
    if sign != "=":
        raise BadInput(f"--where: {text!r}: the privacy policy hashes {name}: hashes have no order")
    hashes = tuple(_hashed(name, one, keys) for one in _forms(_value(text, column, value)))
    return Condition(column.role, name, column.type, "=", hashes, protected=True)


def _answerable(option: str, name: str, rule: FieldRule, keys: Keys) -> None:
    match rule:
        case "drop":
            raise BadInput(f"{option}: the privacy policy drops {name}: it was never written")
        case "encrypt":
            raise BadInput(
                f"{option}: the privacy policy encrypts {name}, each time otherwise: "
                "no prediction can be found by it"
            )
        case "hash" if keys.hash is None:
            raise BadInput(
                f"{option}: the privacy policy hashes {name}, and {HASH_KEY} is not set: "
                "set the key that the application logs with"
            )


def _value(text: str, column: LogColumn, value: str) -> Value:
    if column.type == "category":
        return value
    if column.type == "boolean":
        if value.lower() not in ("true", "false"):
            raise BadInput(f"--where: {text!r}: {column.name} is true or false")
        return value.lower() == "true"
    try:
        return float(value)
    except ValueError:
        raise BadInput(f"--where: {text!r}: {column.name} is a number") from None


def _forms(value: Value) -> list[Any]:
    """How JSON may write a value: 3 is 3.0 as well, and each has its own hash.

    >>> _forms(3.0), _forms("JFK")
    ([3.0, 3], ['JFK'])
    """
    if isinstance(value, float) and value.is_integer():
        return [value, int(value)]
    return [value]


def _hashed(name: str, value: Any, keys: Keys) -> str:
    told = Prediction(id="", model_version=None, input={name: value})
    found = msgspec.to_builtins(_protector(name, keys).protect(told).input)
    return str(found[name])


def _protector(name: str, keys: Keys) -> Protector:
    return Protector(Policy(feature="", fields={name: "hash"}), keys)
