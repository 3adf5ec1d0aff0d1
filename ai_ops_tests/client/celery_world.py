"""The tasks that a Celery worker runs in the tests; its broker is a folder."""

import os
from pathlib import Path

from celery import Celery
from celery.exceptions import Ignore

from ai_ops.client import Policy, PredictionLog, logged_task

FOLDER = Path(os.environ["CELERY_WORLD"])

app = Celery("world", broker="filesystem://", backend=f"file://{FOLDER / 'results'}")
app.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER / "queue"),
    "data_folder_out": str(FOLDER / "queue"),
    "control_folder": str(FOLDER / "control"),
}


def make_log() -> PredictionLog:
    return PredictionLog(FOLDER / "log", "tiny", "worker", policy=Policy(feature="tiny"))


@app.task(bind=True)
@logged_task(make_log, model_version="7", tenant="tenant")
def predict(self, text: str, tenant: str | None = None):  # type: ignore[no-untyped-def]
    """Score a text."""
    match text:
        case "break":
            raise ValueError("the model broke")
        case "retry" if self.request.retries == 0:
            raise self.retry(countdown=0)
        case "ignore":
            raise Ignore()
    return {"pid": os.getpid(), "size": len(text)}
