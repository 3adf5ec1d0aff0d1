"""Celery beat starts a retraining every Monday; a worker waits for it and tells how it ended.

celery -A retraining worker -B --concurrency 1
"""

import subprocess

from celery import Celery
from celery.schedules import crontab
from celery.utils.log import get_task_logger

COMMAND = ("ai-ops", "retrain", "flight_delay", "--wait", "--reason", "Celery beat")
ENDS = {
    0: "passed: a person approves it with a key (ai-ops approve flight_delay)",
    1: "refused by the gate, or failed: ai-ops history flight_delay",
    2: "what was asked for is wrong: mend the command or the feature's file",
    3: "evidence is missing: nothing was judged, tried again in an hour",
}
NO_EVIDENCE = 3

app = Celery("retraining")
app.conf.timezone = "UTC"
app.conf.beat_schedule = {
    # After the daily run has read yesterday's labels (06:00 UTC).
    "retrain-flight-delay": {
        "task": "retraining.retrain",
        "schedule": crontab(minute="30", hour="7", day_of_week="mon"),
    }
}
log = get_task_logger(__name__)


class NotRetrained(Exception):
    """A retraining that no candidate came of which may be approved."""


@app.task(bind=True, name="retraining.retrain", max_retries=3, acks_late=True)
def retrain(self) -> str:
    """Train a candidate and have the gate judge it: the task fails unless the gate passed it."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    words = ENDS.get(done.returncode, f"ended with {done.returncode}: killed, perhaps")
    log.info("%s\n%s%s", words, done.stdout, done.stderr)
    if done.returncode == NO_EVIDENCE:
        raise self.retry(exc=NotRetrained(words), countdown=3600)
    if done.returncode != 0:
        raise NotRetrained(words)
    return words
