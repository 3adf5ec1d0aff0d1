"""Traces of an experiment, read from MLflow's tracking store: never a pickle, page by page."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ai_ops.prediction_logging.events.lines import Line
from ai_ops.storage.model_files import mlflow_module, quiet
from ai_ops.vocabulary.errors import MissingEvidence, RegistryUnavailable

SCHEME: Final = "mlflow:"
TRACES_AT_ONCE: Final = 200


def read_traces(uri: str, named: str) -> Iterator[Line]:
    """The traces of ``mlflow:EXPERIMENT``, the oldest first."""
    number, token = 0, None
    while True:
        page = _page(uri, named, token)
        for trace in page:
            number += 1
            raw = trace.to_json().encode()
            yield Line(number, raw, msgspec.json.decode(raw))
        if (token := page.token) is None:
            return


def _page(uri: str, named: str, token: str | None) -> Any:
    mlflow = mlflow_module()
    from mlflow.exceptions import MlflowException

    name = named.removeprefix(SCHEME)
    try:
        with quiet():
            client = mlflow.MlflowClient(tracking_uri=uri)
            if (experiment := client.get_experiment_by_name(name)) is None:
                raise MissingEvidence(
                    f"source.files: the tracking store has no experiment {name!r}; "
                    "MLFLOW_TRACKING_URI names the store"
                )
            return client.search_traces(
                locations=[experiment.experiment_id],
                max_results=TRACES_AT_ONCE,
                order_by=["timestamp_ms ASC"],
                page_token=token,
            )
    except MlflowException as error:
        raise RegistryUnavailable(f"the tracking store does not answer ({error})") from error
