"""What an application imports to log its predictions: light, with msgspec as its one dependency.

>>> from ai_ops.client import PredictionLog
"""

from ai_ops.client.log import PredictionLog
from ai_ops.client.records import Prediction

__all__ = ["Prediction", "PredictionLog"]
