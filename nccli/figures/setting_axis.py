"""Settings along horizontal axes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SettingAxis:
    """A horizontal axis.

    Attributes:
        column: of table `run`.
        label: of the axis.
        words: in a sentence.
        values: for runs that a figure lacks, as on the command line.
        log: whether it is logarithmic.
    """

    column: str
    label: str
    words: str
    values: str
    log: bool = True


WD = SettingAxis("wd", "weight decay λ", "weight decay", "1e-3,2e-3,4e-3,8e-3")
LR = SettingAxis("lr", "learning rate η", "learning rate", "0.05,0.1,0.2,0.5")
WIDTH = SettingAxis("width", "width d", "width", "10,16,24,32,64")
CLASSES = SettingAxis("K", "number of classes K", "the number of classes", "6,8,10,12,15", log=False)
DEPTH = SettingAxis("L", "number of layers L", "depth", "3..6", log=False)
