"""`--series` and `--step-from`: several files as the checkpoints of one training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nccli.cli.notes import note
from nccli.errors import InputError
from nccli.measure.checkpoints import Checkpoint, checkpoints, matching_files, series_name


@dataclass
class FileSeries:
    """Which series files are to be.

    Attributes:
        name: as the user has it; None for none, or for one that is named by its pattern.
        step_from: expression that finds the step in a name.
        quiet: no notes.
    """

    name: str | None
    step_from: str | None
    quiet: bool = False

    def features(self, patterns: Sequence[str]) -> list[Checkpoint]:
        """Files of features; of a series where the user says so, for they may have nothing to do with each other.

        Raises:
            InputError: as `weights`.
        """
        if self.name is None and self.step_from is None:
            return [Checkpoint(path) for pattern in patterns for path in matching_files([pattern], "file")]
        return self.weights(patterns, "file")

    def weights(self, patterns: Sequence[str], option: str = "--weights") -> list[Checkpoint]:
        """Checkpoints of a network with their steps; several are a series.

        Raises:
            InputError: as `matching_files` and `checkpoints` of `nccli.measure.checkpoints`.
        """
        if not patterns:
            for name, given in (("--series", self.name), ("--step-from", self.step_from)):
                if given:
                    raise InputError(f"{name} is for files: name some with --weights")
            return []
        paths = matching_files(patterns, option)
        found = checkpoints(paths, self.step_from, self.name is not None)
        if len(paths) > 1 or self.step_from is not None:
            self.name = self.name or series_name(patterns, paths)
        if len(paths) > 1 and self.step_from is None:
            note(f"steps 1 to {len(paths)} in the order of the names; --step-from REGEX reads them there", self.quiet)
        return found

    def place(self, checkpoint: Checkpoint | None) -> dict[str, Any]:
        """Columns of the run of a file; of a network without weights none."""
        path = None if checkpoint is None else checkpoint.path.name
        return {"series": self.name, "step": None if checkpoint is None else checkpoint.step, "file": path}
