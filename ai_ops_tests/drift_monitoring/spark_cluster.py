"""A standalone Spark cluster on the loopback: a master and two workers, each a process."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

WORKERS = 2
STARTED_WITHIN_S = 90
_MASTER = "org.apache.spark.deploy.master.Master"
_WORKER = "org.apache.spark.deploy.worker.Worker"


@contextmanager
def spark_cluster(folder: Path) -> Iterator[Any]:
    """A session on a cluster of two workers, when both have an executor."""
    from pyspark.sql import SparkSession

    port = _free_port()
    address = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:
        here = ("--host", "127.0.0.1", "--webui-port", "0")
        running.enter_context(_process(folder / "master", _MASTER, *here, "--port", str(port)))
        for number in range(WORKERS):
            own = folder / f"worker-{number}"
            size = ("--cores", "1", "--memory", "600m", "--work-dir", str(own))
            running.enter_context(_process(own, _WORKER, *here, *size, address))
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        session = (
            SparkSession.builder.master(address)
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "512m")
            .config("spark.executor.memory", "512m")
            .config("spark.executor.cores", "1")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
            .getOrCreate()
        )
        try:
            _wait_for_executors(session)
            yield session
        finally:
            session.stop()


@contextmanager
def _process(folder: Path, kind: str, *arguments: str) -> Iterator[None]:
    import pyspark

    folder.mkdir(parents=True, exist_ok=True)
    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-class"), kind, *arguments]
    own = {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for_executors(session: Any) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline:
        known = session.sparkContext._jsc.sc().getExecutorMemoryStatus().size()
        if known == WORKERS + 1:  # the driver is one of them
            return
        time.sleep(0.2)
    raise TimeoutError(f"fewer than {WORKERS} workers have an executor")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
