"""How a network is trained end to end unless told otherwise, and why: the defaults of `nccli train-e2e`.

Measured on 1,000 images of digits with mlp, of MNIST and of CIFAR-10 with small-cnn, at λ = 0.005, width 64, in float32
on a CPU; examples/README.md has the table. What was tried and left are options still.
"""

LEARNING_RATE = 1.0
"""A measurement: with the rise below, every class is kept at 0.5, 1 and 2; at 0.5 without it digits lose 1 to 2 of 10
in 3 of 3 runs, in the first 600 steps. The loss comes down in time constants 1/(lr λ), so that 1 takes a tenth of
the steps of 0.1; at 2 the loss of CIFAR-10 jumps."""

MOMENTUM = 0.0
"""A measurement: at the same lr/(1 − momentum) momentum loses more classes, and it makes no run shorter."""

LR_RISE = 0.3
"""A measurement: share of the steps in which the learning rate rises. What loses classes is large steps while they
come one by one, in the first 4,000 steps on CIFAR-10: risen in 1,800 steps, 1 of 2 runs loses one."""

SCHEDULE = "step:0.1@0.8"
"""A measurement: the noise of steps at the full rate is 1 to 5 % of the loss, and settles in the last fifth at a
tenth."""

CLIP = 1.0
"""A measurement: with the rise it makes no difference to speak of on digits (none, 1 and 10 end at 1.011, 1.011 and
1.016 of DNC's loss); without it, and without the rise, a rate of 0.5 diverges there."""

TIME_CONSTANTS = 45.0
"""A measurement: of weight decay, that a run takes; the descent is a staircase, class by class."""
