"""A claim of the paper, the criterion by which runs agree with it, and what they say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from found import Found


class Verdict(StrEnum):
    """What came of a claim."""

    AGREE = "agree"
    DIFFER = "differ"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Answer:
    """What runs say of a claim.

    Attributes:
        agrees: whether the criterion holds; None where the runs are too few or too much alike to tell.
        ours: the numbers behind it: counts and spread.
    """

    agrees: bool | None
    ours: str


@dataclass(frozen=True)
class Claim:
    """A row of the table.

    Attributes:
        section: of the paper, or its figure.
        says: what the paper says there, in our words.
        criterion: when runs agree, in words; `judge` is the same as code.
        judge: of the runs that `where` finds; of none for a closed form.
        where: which runs, as `--where` of every command takes it; "" for closed forms.
        entries: of examples/paper.toml, or another file that makes them.
        least: runs below which nothing is said.
    """

    section: str
    says: str
    criterion: str
    judge: Callable[[Found], Answer]
    where: str = ""
    entries: Sequence[str] = ()
    least: int = 1

    def judged(self, store: str) -> tuple[Verdict, str]:
        """Verdict and numbers, from a store.

        Raises:
            nccli.errors.NccliError: as `nccli.frame`.
        """
        found = Found.of(store, self.where) if self.where else Found.none()
        if self.where and found.count < self.least:
            there = f"{found.count} of at least {self.least} runs" if found.count else "no runs"
            return Verdict.NOT_RUN, there
        answer = self.judge(found)
        return _VERDICTS[answer.agrees], answer.ours + found.unsettled


_VERDICTS = {True: Verdict.AGREE, False: Verdict.DIFFER, None: Verdict.NOT_RUN}
