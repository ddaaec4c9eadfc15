"""Results that the store does not take are kept in a small store of their own."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from nccli.errors import StoreError
from nccli.store.connection.store import Store
from nccli.store.runs.finished_run import FinishedRun
from nccli.store.runs.save import save_run
from nccli.store_files import ON_A_SERVER, RESCUE


class Rescue:
    """Saves runs, where the store fails into a rescue file: a store that `nccli store merge` takes.

    A context manager, which raises the store's first error at its end, with the file named.
    """

    def __init__(self, store: Store, on_trouble: Callable[[str], None]) -> None:
        """Nothing has failed yet.

        Args:
            store: where runs should go.
            on_trouble: called with a line the first time the store fails.
        """
        self._store, self._on_trouble = store, on_trouble
        self._file: Store | None = None
        self._error: StoreError | None = None
        self._count = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what the store said, unless something else is under way.

        Raises:
            StoreError: runs lie in the rescue file.
        """
        if self._file is not None and (error is None or isinstance(error, StoreError)):
            raise StoreError(
                f"{self._error}\n{self._count} runs are kept in {self._file.location}: once the store is well, "
                f"nccli store merge {self._file.location} --into {self._store.location}"
            ) from self._error

    def save(self, run: FinishedRun) -> str:
        """Store a run, or rescue it, and return its id.

        Raises:
            StoreError: neither the store nor any folder takes it.
        """
        try:
            return save_run(self._store, run)
        except StoreError as error:
            self._error = self._error or error
            first = self._file is None
            self._file = self._file or self._new_file(error)
            key = save_run(self._file, run)
            self._count += 1
            if first:
                self._on_trouble(f"{error}; results go to {self._file.location} from now on")
            return key

    def _new_file(self, error: StoreError) -> Store:
        """An empty store beside the real one, else in the current, the home or the temporary folder."""
        near = Path.cwd() if self._store.path is None else self._store.path.resolve().parent
        name = f"{(self._store.path or ON_A_SERVER).name}{RESCUE}{secrets.token_hex(4)}.db"
        for folder in dict.fromkeys((near, Path.cwd(), Path.home(), Path(tempfile.gettempdir()))):
            if not _may_write(folder):
                continue
            try:
                return Store.create(str(folder / name))
            except StoreError:
                (folder / name).unlink(missing_ok=True)
        raise StoreError(f"{error}; and no folder takes a rescue file: {near}, the home and temporary folders")


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK)
