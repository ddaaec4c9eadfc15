"""What `recognise_structure` calls class means whose structure is known, at noise of 0 to 25 %, permuted and scaled.

    python tests/bench/structure_confusion.py             a table: the share named right by group and noise
    python tests/bench/structure_confusion.py --names     and what else they are called
    python tests/bench/structure_confusion.py --seeds 20  more disguises of each

Two kinds of noise: in all directions, which makes the rank full, and in the directions that the means have, which keeps
it. `to` is the noise up to which every disguise is named right.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nccli.metrics import recognise_structure
from tests.oracle.structure_cases import LEVELS, Case, cases, disguised, least_rows

Named = dict[tuple[str, bool], dict[float, Counter[tuple[str, str]]]]
"""By group, and whether noise keeps the rank: by level, how often a structure was called what."""


def main() -> None:
    """Name everything, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="disguises of each case at each level")
    parser.add_argument("--names", action="store_true", help="what else they are called")
    parser.add_argument("--only", default="", help="groups that contain this")
    asked = parser.parse_args()
    found: Named = defaultdict(lambda: defaultdict(Counter))
    for case in cases():
        if asked.only in case.group:
            for keeps_rank in (False, True):
                for level, name in names(case, keeps_rank, asked.seeds):
                    found[case.group, keeps_rank][level][case.name, name] += 1
    print(f"{'':32} {'noise':>8} {'to':>6}  " + " ".join(f"{100 * level:4.3g}%" for level in LEVELS))
    for (group, keeps_rank), by_level in found.items():
        shares = [share_right(by_level[level]) for level in LEVELS]
        print(
            f"{group:32} {'of rank' if keeps_rank else 'all':>8} {upto(shares):>6}  "
            + " ".join(f"{100 * share:4.0f} " for share in shares)
        )
        if asked.names:
            print_names(by_level)


def names(case: Case, keeps_rank: bool, seeds: int) -> Iterator[tuple[float, str]]:
    """What a case is called at every level."""
    means = least_rows(case.means) if keeps_rank else case.means
    for level in LEVELS:
        for seed in range(seeds if level else 1):
            gram, _ = disguised(means, level, seed, means.shape[0] if keeps_rank else 0)
            yield level, recognise_structure(gram).name.lower()


def share_right(counted: Counter[tuple[str, str]]) -> float:
    """Of all disguises at a level."""
    return sum(times for (true, called), times in counted.items() if true == called) / counted.total()


def upto(shares: list[float]) -> str:
    """The largest level up to which all are right; "never" if not even without noise."""
    right = [level for level, share, before in zip(LEVELS, shares, accumulate_all(shares), strict=True) if before]
    return f"{100 * right[-1]:.3g}%" if right else "never"


def accumulate_all(shares: list[float]) -> list[bool]:
    """Whether all up to each are 1."""
    return [all(share == 1 for share in shares[: i + 1]) for i in range(len(shares))]


def print_names(by_level: dict[float, Counter[tuple[str, str]]]) -> None:
    """What is called otherwise, over all levels."""
    wrong: Counter[tuple[str, str]] = Counter()
    for counted in by_level.values():
        wrong.update({pair: times for pair, times in counted.items() if pair[0] != pair[1]})
    for (true, called), times in wrong.most_common(6):
        print(f"    {times:5} × {true} called {called}")


if __name__ == "__main__":
    main()
