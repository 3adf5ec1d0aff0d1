"""What the server of the promoting processes imports once, so that none of them must."""

import warnings
from importlib import import_module

from ai_ops.storage.model_files import mlflow_module
from ai_ops_tests.faults import promoter

mlflow_module()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own: nobody here can mend them
    import_module("mlflow.store.model_registry.sqlalchemy_store")
    import_module("mlflow.store.tracking.sqlalchemy_store")

STEPS = promoter.STEPS
