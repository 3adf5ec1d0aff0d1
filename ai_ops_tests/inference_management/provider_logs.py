"""Logs of an assistant that a provider answers, and the costs that its YAML declares."""

import json
from datetime import date, timedelta
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.costs import TokenPrice
from ai_ops.ai_features.parts import Monitoring
from ai_ops_tests.inference_management.served import Row, declared, row, with_costs

FIRST = date(2025, 6, 2)
DAY = FIRST.isoformat()
MODEL = "own-contract-model"
INPUT, OUTPUT = 2.0, 8.0
"""Dollars a million tokens of ``MODEL``."""


def assistant(**costs: Any) -> AiFeatureSpec:
    """A feature that a provider serves: tokens by contract, storage, no machine of its own."""
    price = TokenPrice(model=MODEL, since=date(2025, 1, 1), input=INPUT, output=OUTPUT, batch=0.5)
    spec = declared().model_copy(
        update={"served_by": "provider_api", "monitoring": Monitoring(start=FIRST)}
    )
    usual: dict[str, Any] = {
        "compute": (),
        "tokens": (price,),
        "storage_price_per_gb_month": 0.0,
    }
    return with_costs(spec, **usual | costs)


def days(count: int) -> list[str]:
    """The first days of its monitoring."""
    return [(FIRST + timedelta(days=n)).isoformat() for n in range(count)]


def call(number: int, *, status: str = "ok", **drivers: Any) -> Row:
    """One call of ``MODEL`` with a thousand tokens in and a hundred out; ``drivers`` replace what
    its record says of the cost, and None leaves one out."""
    usual = {"model": MODEL, "input_tokens": 1000, "output_tokens": 100}
    told = {name: value for name, value in (usual | drivers).items() if value is not None}
    return row(number) | {"status": status, "cost": json.dumps(told) if told else None}
