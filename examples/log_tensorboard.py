"""NC1 to NC4 and ranks of every layer in TensorBoard: `python log_tensorboard.py`, then `tensorboard --logdir runs`."""

from digits_loop import epochs

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:  # pip install tensorboardX: the same writer without the viewer
    from tensorboardX import SummaryWriter

with SummaryWriter("runs/digits") as writer:
    for epoch, _, metrics in epochs():
        for name, value in metrics.items():
            writer.add_scalar(name, value, epoch)
