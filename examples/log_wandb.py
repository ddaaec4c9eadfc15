"""NC1 to NC4 and ranks of every layer in Weights & Biases; with `WANDB_MODE=offline` it needs no account."""

import wandb
from digits_loop import epochs

with wandb.init(project="neural-collapse", name="digits") as run:
    for epoch, _, metrics in epochs():
        run.log(metrics, step=epoch)
