"""The Dagster instance of a root, and its jobs run in this process."""

import atexit
import gc
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._core.events.log import EventLogEntry
from dagster._core.utils import make_new_run_id

from ai_ops.orchestration.event_log import BATCHED
from ai_ops.orchestration.orphans import end_orphans, mine
from ai_ops.orchestration.partitions import AT_SCHEDULE, JUDGED_TAG, RANGE_END, RANGE_START
from ai_ops.storage.root import ROOT_VARIABLE

INSTANCE_FILE = Path(__file__).parents[2] / "dagster.yaml"

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""A run's own log is in the event log; on the console it would bury the progress."""


HOME: Final = "dagster"
"""The folder of a root's Dagster instance, below the root's own."""


def dagster_home(root: Path) -> Path:
    """Where the root's Dagster instance lies, with the project's ``dagster.yaml``."""
    home = root.absolute() / HOME
    home.mkdir(parents=True, exist_ok=True)
    own = home / "dagster.yaml"
    if INSTANCE_FILE.exists() and not own.exists():  # what a person changed there stays
        shutil.copyfile(INSTANCE_FILE, own)
    return home


def dagster_environment(root: Path) -> dict[str, str]:
    """The environment in which Dagster's processes of this root run."""
    return {
        **BATCHED,
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(root)),
        # dagster.yaml says so too; a home of one's own may not.
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        ROOT_VARIABLE: str(root.absolute()),
    }


RunResult = dg.ExecuteInProcessResult
"""What came of a run in this process."""


@dataclass(frozen=True)
class Runner:
    """Runs the jobs of some definitions in this process, on one instance."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def run(
        self,
        job: str,
        *,
        partition: str | None = None,
        config: Mapping[str, Any] | None = None,
        raises: bool = True,
        assets: Sequence[dg.AssetKey] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job, for a partition if it has some, judged as the schedule would judge it.

        ``config`` is that of the job's ops, by the name of the op. Without ``raises`` a failure
        is told by the result alone. ``assets`` are those of the job to make, by default all.
        """
        ops = {name: {"config": values} for name, values in (config or {}).items()}
        return self._job(job).execute_in_process(
            instance=self.instance,
            partition_key=partition,
            run_config={**QUIET, "ops": ops},
            raise_on_error=raises,
            asset_selection=assets,
            tags={**(tags or {}), **mine(), **({JUDGED_TAG: AT_SCHEDULE} if partition else {})},
        )

    def run_range(
        self,
        job: str,
        first: str,
        last: str,
        *,
        raises: bool = True,
        on_share: Callable[[float], None] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job once for a range of partitions, each judged as its schedule would judge it.

        ``on_share`` is told how much of the run is done, step by step.
        """
        definition, run_id = self._job(job), make_new_run_id()
        if on_share is not None:
            self.instance.add_event_listener(run_id, _counting(definition, on_share))
        return definition.execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            run_id=run_id,
            raise_on_error=raises,
            tags={**mine(), RANGE_START: first, RANGE_END: last, JUDGED_TAG: AT_SCHEDULE},
        )

    def _job(self, name: str) -> dg.JobDefinition:
        return self.definitions.resolve_job_def(name)


def _counting(
    job: dg.JobDefinition, on_share: Callable[[float], None]
) -> Callable[[EventLogEntry], None]:
    steps, done = len(job.nodes), 0

    def look(event: EventLogEntry) -> None:
        nonlocal done
        if event.is_dagster_event and event.get_dagster_event().is_step_success:
            done += 1
            on_share(done / steps)

    return look


@contextmanager
def open_runner(root: Path, definitions: dg.Definitions) -> Iterator[Runner]:
    """A runner on the root's own Dagster instance."""
    _without_leak_report()
    with open_instance(root) as instance, _imported_for_good():
        end_orphans(instance)
        yield Runner(definitions, instance)


@contextmanager
def open_instance(root: Path) -> Iterator[dg.DagsterInstance]:
    """The root's own Dagster instance, which processes that are started meanwhile see too."""
    with _environment(dagster_environment(root)), dg.DagsterInstance.get() as instance:
        yield instance


def quietly(define: Callable[[], dg.Definitions]) -> dg.Definitions:
    """Definitions, without what Dagster says of every partitioned check: that it is in preview."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        return define()


def failures_of(result: dg.ExecuteInProcessResult) -> list[tuple[str, str, str]]:
    """The steps that failed: name, the error's own class below Dagster's wrapping, its words."""
    found = []
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error):
            while error.cause is not None:
                error = error.cause
            name = str(error.cls_name)
            before, colon, words = error.message.strip().partition(": ")
            told = words if colon and before.endswith(name) else error.message.strip()
            found.append((str(event.step_key), name, told))
    return found


def _without_leak_report() -> None:
    """Say nothing on stderr after Python's own exit.

    DuckDB's binding (2.0, nanobind) counts its types as leaked when the interpreter ends after a
    Dagster run in the same process, and prints forty lines about it. Callbacks registered earlier
    run later, so whatever this process itself has to say has been said. Remove when it is mended.
    """
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))


@contextmanager
def _imported_for_good() -> Iterator[None]:
    """Leave what stands in memory by now out of every search for garbage.

    The modules and definitions of Dagster are a million objects: to look at them again takes half
    a second, and many runs in one process make garbage enough to do it often.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
