"""Who watches a training, and how it is stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P")


@dataclass(frozen=True)
class Watch(Generic[P]):
    """How a training or a sweep is watched and steered; none of it changes a result.

    Attributes:
        on_progress: called now and then with what is seen of it.
        should_stop: polled several times a second; once it holds, runs in training end as "interrupted" and none is
            begun.
        on_trouble: called with a line for everything that went wrong without stopping the work.
        on_note: called with a line for what is good to know.
        on_wait: called with a line when there is nothing to do but wait for other processes.
    """

    on_progress: Callable[[P], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False
    on_trouble: Callable[[str], None] = lambda text: None
    on_note: Callable[[str], None] = lambda text: None
    on_wait: Callable[[str], None] = lambda text: None
