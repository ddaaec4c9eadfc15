"""What the training commands say of a sweep."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nccli.catalogue.outcomes import DEGENERATE
from nccli.catalogue.runs import FAILED
from nccli.cli.notes import note
from nccli.errors import NothingFoundError

if TYPE_CHECKING:
    from nccli.store import Store
    from nccli.sweep import Plan


def existing_store(location: str) -> "Store | None":
    """The store, if there is one."""
    from nccli.cli.opened import open_store

    try:
        return open_store(location)
    except NothingFoundError:
        return None


def note_stored(plan: "Plan[Any]", quiet: bool) -> None:
    """Say how many runs need not be made."""
    if plan.stored:
        count, all = len(plan.stored), len(plan.configs)
        note(f"{count} of {all} runs are in the store already (--force makes them again)", quiet)


def note_degenerate(records: Sequence[Mapping[str, Any]], quiet: bool) -> None:
    """Say how many runs did not learn their classes, whatever status they ended with."""
    from nccli.store import in_order

    found = Counter(record["outcome"] for record in records if record["outcome"] in DEGENERATE)
    if found:
        told = ", ".join(f"{found[name]} {name}" for name in in_order(found))
        note(f"{found.total()} of {len(records)} runs did not learn their classes: {told}", quiet)


def what_went_wrong(plan: "Plan[Any]", statuses: Mapping[str, str], hint: str) -> str:
    """One line on the runs that did not end well; "" if all did.

    Args:
        plan: the sweep.
        statuses: of the runs that ended.
        hint: the options that may help where runs diverged.
    """
    parts = []
    for status in ("diverged", "interrupted", FAILED):
        bad = [key for key in plan.configs if statuses.get(key) == status]
        if bad:
            shown = ", ".join(bad[:3]) + (", …" if len(bad) > 3 else "")
            way_out = f": {hint} may help" if status == "diverged" else ""
            parts.append(f"{len(bad)} of {len(plan.configs)} runs {status} ({shown}){way_out}")
    never = sum(key not in statuses for key in plan.configs)
    return ", ".join([*parts, *([f"{never} never begun"] if never else [])])
