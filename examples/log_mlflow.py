"""NC1 to NC4 and ranks of every layer in MLflow: `python log_mlflow.py`, then `mlflow ui`."""

import mlflow
from digits_loop import epochs

mlflow.set_experiment("neural-collapse")
with mlflow.start_run(run_name="digits"):
    for epoch, _, metrics in epochs():
        mlflow.log_metrics(metrics, step=epoch)
