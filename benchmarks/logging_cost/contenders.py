"""The contenders: each is made in a folder, and gives the call that logs one prediction.

A call returns when its caller is told that the prediction is logged. What a contender kept is
looked for by id in every file of its folder.
"""

import json
import os
import queue
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

Inputs = dict[str, Any]
Log = Callable[[str, Inputs], Any]

OUTPUT = {"probability": 0.25, "late": False}
COST = {"compute_ms": 1.25}


@dataclass(frozen=True)
class Contender:
    """One way to log: what it needs, and how many records a round of it has."""

    make: Callable[[Path], Log]
    records: int = 5000
    keeps_records: bool = True
    life_seconds: float = 0.5


def inputs_of(number: int) -> Inputs:
    """20 columns of a table: words, whole numbers and others; a line of 731 bytes comes of them."""
    words = {f"category_{place}": f"value-{(number + place) % 83:02d}" for place in range(8)}
    whole = {f"count_{place}": 1000 + (number * 31 + place) % 9000 for place in range(6)}
    numbers = {f"number_{place}": 10 + (number * 37 + place) % 997 / 16 for place in range(6)}
    return {**words, **whole, **numbers}


def told(id: str, inputs: Inputs) -> dict[str, Any]:
    """The record as a peer is given it: with what ai_ops adds to each by itself."""
    return {
        "id": id,
        "time": datetime.now(UTC).isoformat(),
        "feature": "tiny",
        "writer": "web",
        "model_version": "7",
        "input": inputs,
        "output": OUTPUT,
        "latency_ms": 1.5,
        "call_site": "checkout",
        "cost": COST,
    }


def ai_ops(folder: Path) -> Log:
    from ai_ops.client import PredictionLog

    record = PredictionLog(folder, "tiny", "web").record

    def log(id: str, inputs: Inputs) -> bool:
        return record(
            id=id,
            model_version="7",
            input=inputs,
            output=OUTPUT,
            latency_ms=1.5,
            call_site="checkout",
            cost=COST,
        )

    return log


def bare_write(folder: Path) -> Log:
    """The floor: the line that ai_ops would write, as often as asked."""
    ai_ops(folder / "line")("0" * 32, inputs_of(0))
    (segment,) = (folder / "line").glob("*/*/*.jsonl")
    line = segment.read_bytes().splitlines(keepends=True)[1]
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    write = os.write
    return lambda id, inputs: write(file, line)


def write_id(folder: Path) -> Log:
    """A bare write whose lines tell their ids, for the kills."""
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return lambda id, inputs: os.write(file, id.encode() + b"." * 690 + b"\n")


def _json_logger(handlers: Sequence[Any]) -> Log:
    import logging

    logger = logging.getLogger("predictions")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    return lambda id, inputs: logger.info(json.dumps(told(id, inputs)))


def _file_handler(folder: Path) -> Any:
    import logging

    handler = logging.FileHandler(folder / "stdlib.jsonl")
    words = '{"level":"%(levelname)s","logger":"%(name)s","at":"%(asctime)s","record":%(message)s}'
    handler.setFormatter(logging.Formatter(words))
    return handler


def stdlib_json(folder: Path) -> Log:
    return _json_logger([_file_handler(folder)])


def stdlib_queue(folder: Path) -> Log:
    from logging.handlers import QueueHandler, QueueListener

    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    QueueListener(waiting, _file_handler(folder)).start()
    return _json_logger([QueueHandler(waiting)])


def structlog_orjson(folder: Path) -> Log:
    import orjson
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory((folder / "structlog.jsonl").open("wb")),
        cache_logger_on_first_use=True,
    )
    logger = structlog.get_logger()
    return lambda id, inputs: logger.info("prediction", **told(id, inputs))


def otel_log(folder: Path) -> Log:
    import logging

    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter

    out = (folder / "otel_logs.jsonl").open("w")
    exporter = ConsoleLogRecordExporter(out=out, formatter=lambda one: one.to_json(None) + "\n")
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.getLogger("predictions")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=provider))
    return lambda id, inputs: logger.info(json.dumps(told(id, inputs)))


def otel_span(folder: Path) -> Log:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    out = (folder / "otel_spans.jsonl").open("w")
    exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(None) + "\n")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("predictions")

    def log(id: str, inputs: Inputs) -> None:
        with tracer.start_as_current_span("prediction") as span:
            span.set_attribute("prediction", json.dumps(told(id, inputs)))

    return log


def mlflow_trace(folder: Path, asynchronous: bool) -> Log:
    import mlflow

    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = str(asynchronous).lower()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("predictions", artifact_location=f"file://{folder}/artifacts")
    mlflow.set_experiment("predictions")

    def log(id: str, inputs: Inputs) -> None:
        with mlflow.start_span("prediction") as span:
            span.set_inputs(told(id, inputs))
            span.set_outputs(OUTPUT)

    return log


def langfuse(folder: Path) -> Log:
    from langfuse import Langfuse

    client = Langfuse(
        public_key="pk-lf-0", secret_key="sk-lf-0", host=os.environ["LOGGING_COST_SINK"]
    )

    def log(id: str, inputs: Inputs) -> None:
        with client.start_as_current_observation(name="prediction", as_type="span") as span:
            span.update(input=told(id, inputs), output=OUTPUT)

    return log


def sqlite_wal(folder: Path) -> Log:
    database = sqlite3.connect(folder / "log.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE predictions (id TEXT PRIMARY KEY, record TEXT)")
    insert = "INSERT INTO predictions VALUES (?, ?)"
    return lambda id, inputs: database.execute(insert, (id, json.dumps(told(id, inputs))))


def whylogs(folder: Path) -> Log:
    from whylogs.core import DatasetProfile

    profile = DatasetProfile()
    return lambda id, inputs: profile.track(row=inputs)


CONTENDERS: dict[str, Contender] = {
    "bare_write": Contender(bare_write),
    "ai_ops": Contender(ai_ops),
    "stdlib_json": Contender(stdlib_json),
    "stdlib_queue": Contender(stdlib_queue),
    "structlog_orjson": Contender(structlog_orjson),
    "otel_log": Contender(otel_log, records=1500),
    "otel_span": Contender(otel_span, records=1500),
    "sqlite_wal": Contender(sqlite_wal, records=1500),
    "langfuse": Contender(langfuse, records=300, life_seconds=3),
    "mlflow_async": Contender(partial(mlflow_trace, asynchronous=True), 40, life_seconds=6),
    "mlflow_sync": Contender(partial(mlflow_trace, asynchronous=False), 8, life_seconds=6),
    "whylogs": Contender(whylogs, records=300, keeps_records=False),
}
