"""What an application imports to log its predictions: light, with msgspec as its one dependency.

>>> from ai_ops.client import PredictionLog
"""

from ai_ops.client.celery_task import logged_task
from ai_ops.client.decorator import logged
from ai_ops.client.keys import Keys
from ai_ops.client.log import PredictionLog
from ai_ops.client.middleware import PredictionLogMiddleware, ServedCounter
from ai_ops.client.policy import Policy, load_policy
from ai_ops.client.privacy import opened
from ai_ops.client.records import Prediction
from ai_ops.client.usage import cost_drivers

__all__ = [
    "Keys",
    "Policy",
    "Prediction",
    "PredictionLog",
    "PredictionLogMiddleware",
    "ServedCounter",
    "cost_drivers",
    "load_policy",
    "logged",
    "logged_task",
    "opened",
]
