"""How a network is trained end to end unless told otherwise, and why: the defaults of `nccli train-e2e`.

Measured on 1,000 images of digits with mlp, of MNIST and of CIFAR-10 with small-cnn, at λ = 0.005, width 64, in float32
on a CPU; examples/README.md has the table. ResNet20 was not run with it. What was tried and left are options still.
"""

LEARNING_RATE = 1.0
"""A measurement: without the rise below, digits lose 1 to 2 of 10 classes at 0.5 in 3 of 3 runs, in the first 600
steps; with it none at 0.5, 1 and 2. The loss comes down in time constants 1/(lr λ), so that 1 takes a twentieth of
the steps of the paper's 0.05; at 2 CIFAR-10 keeps 6 classes until the rate falls, and ends at 1.02 of DNC's loss
and full rank."""

MOMENTUM = 0.0
"""A measurement: at the same lr/(1 − momentum) of 0.3 momentum 0.9 loses a class of digits in 1 of 3 runs, none in no
run; with the rise it was not tried."""

LR_RISE = 0.3
"""A measurement: share of the steps in which the learning rate rises. What loses classes is large steps while they
come one by one, in the first 4,000 steps on CIFAR-10: risen in 1,800 steps 1 of 2 runs loses one, in 4,000 none
does."""

SCHEDULE = "step:0.1@0.8"
"""A measurement: the noise of steps at the full rate is 1 to 5 % of the loss, and settles in a fifth of the steps at a
tenth of it. With cosine 12,000 steps on CIFAR-10 end at 1.00 of DNC's loss, with this at 0.97 (rate 0.5)."""

CLIP = 1.0
"""A measurement: with the rise it makes no difference to speak of (digits, none against 1: both 1.011 of DNC's loss;
CIFAR-10, 10 against 1: 0.955, 0.956); without the rise digits diverge at 0.5 where there is none."""

TIME_CONSTANTS = 45.0
"""A measurement: of weight decay, that a run takes. MNIST is slowest, for H_1 collapses last: its loss over DNC's is
1.04, 1.034, 1.025 and 1.012 after 20, 23, 31 and 45; digits are at 1.01 after 13, CIFAR-10 at 0.956 after 23."""
