"""Results that the store does not take are kept in a small store of their own."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from nccli.catalogue.runs import FINISHED
from nccli.errors import StoreError
from nccli.store.connection.store import Store
from nccli.store.runs.claims import Claims, LateError
from nccli.store.runs.finished_run import FinishedRun
from nccli.store.runs.save import save_run
from nccli.store_files import ON_A_SERVER, RESCUE


class Rescue:
    """Saves runs, where the store fails into a rescue file: a store that `nccli store merge` takes.

    A run that became another process's meanwhile is not touched: a result that comes late goes to the rescue file while
    the other is still making it, and is dropped once the other has stored one.

    A context manager, which raises the store's first error at its end, with the file named.
    """

    def __init__(self, store: Store, on_trouble: Callable[[str], None], claims: Claims | None = None) -> None:
        """Nothing has failed yet.

        Args:
            store: where runs should go.
            on_trouble: called with a line the first time the store fails, and the first time a result comes late.
            claims: by which the runs were claimed; None for runs that nobody else makes.
        """
        self._store, self._on_trouble, self._claims = store, on_trouble, claims
        self._file: Store | None = None
        self._error: StoreError | None = None
        self._kept, self._late = 0, {True: 0, False: 0}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what the store said, unless something else is under way.

        Raises:
            StoreError: runs that the store did not take lie in the rescue file.
        """
        for kept, count in self._late.items():
            if count > 1:
                self._on_trouble(f"{count} results came late in all and are {'kept there' if kept else 'dropped'}")
        if self._file is not None and self._error is not None and (error is None or isinstance(error, StoreError)):
            raise StoreError(
                f"{self._error}\n{self._kept} runs are kept in {self._file.location}: "
                f"once the store is well, {self._merge(self._file)}"
            ) from self._error

    def save(self, run: FinishedRun) -> str:
        """Store a run, or rescue or drop it, and return its id.

        Raises:
            StoreError: neither the store nor any folder takes it.
        """
        try:
            return save_run(self._store, run, None if self._claims is None else self._claims.require)
        except LateError as late:
            self._take_late(run, late)
        except StoreError as error:
            first, self._error = self._error is None, self._error or error
            file = self._keep(run, str(error))
            if first:
                self._on_trouble(f"{error}; results go to {file.location} from now on")
        return run.id

    def _take_late(self, run: FinishedRun, late: LateError) -> None:
        """Keep a result that nobody has stored, drop any other, and say so once."""
        kept = late.unfinished and run.row["status"] in FINISHED
        became = "is dropped"
        if kept:
            file = self._keep(run, str(late))
            became = f"is kept in {file.location}: should the other give up, {self._merge(file)}"
        self._late[kept] += 1
        if self._late[kept] == 1:
            self._on_trouble(f"run {run.id} {late}; the result of this process came late and {became}")

    def _keep(self, run: FinishedRun, why: str) -> Store:
        """Write a run into the rescue file, and return that."""
        self._file = self._file or self._new_file(why)
        save_run(self._file, run)
        self._kept += 1
        return self._file

    def _merge(self, file: Store) -> str:
        return f"nccli store merge {file.location} --into {self._store.location}"

    def _new_file(self, why: str) -> Store:
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
        raise StoreError(f"{why}; and no folder takes a rescue file: {near}, the home and temporary folders")


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK)
