"""The command as a user runs it, in a folder and an environment of its own: in the test process, or apart from it."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.cli.in_process import run_in_process

NCCLI = Path(sys.executable).with_name("nccli")
_PATIENCE = 120
_AT_ONCE = 2
_RECORD_MODULES = """
import atexit, os, sys
def record():
    import json
    with open(f"{os.environ['RECORDS']}/{os.getpid()}.json", "w") as file:
        json.dump({"arguments": sys.argv[1:], "modules": list(sys.modules)}, file)
atexit.register(record)
"""


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and its two streams."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """stdout as text."""
        return self.raw.decode()

    @property
    def ids(self) -> list[str]:
        """stdout as run ids, one a line."""
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[dict[str, str]]:
        """stdout as CSV."""
        return list(csv.DictReader(io.StringIO(self.out)))


def environment(**extra: str) -> dict[str, str]:
    """Nothing but what a shell needs, and what a test adds."""
    path = f"{NCCLI.parent}{os.pathsep}{os.environ['PATH']}"
    given = {name: os.environ[name] for name in ("NCCLI_COMPILER_SECONDS",) if name in os.environ}
    home = os.environ.get("HOME", "/")
    return {"PATH": path, "HOME": home, "LANG": "C.UTF-8", "TERM": "xterm-256color", **given, **extra}


@dataclass(frozen=True)
class Nccli:
    """Runs `nccli` in a folder.

    A start costs a process one to three seconds, so commands are run within this one. What is about the process
    (signals, pipes, locales, what is imported, several at a time) is run by the installed command: `apart`, `sh`,
    `observed`, `start`.

    Attributes:
        folder: the working directory, where the default store lies.
        installed: whether commands are processes of their own.
    """

    folder: Path
    installed: bool = False

    @property
    def apart(self) -> "Nccli":
        """The same, as processes of their own."""
        return replace(self, installed=True)

    def __call__(self, line: str, code: int | None = 0, stdin: str | bytes = "", **env: str) -> Ended:
        """Run `nccli LINE`; with a code it must end with that, and without a traceback."""
        given = stdin if isinstance(stdin, bytes) else stdin.encode()
        return self._run([str(NCCLI), *shlex.split(line)], code, given, env)

    def sh(self, script: str, code: int = 0, **env: str) -> Ended:
        """Run a bash script with pipefail, in which `nccli` is the command under test."""
        return self.apart._run(["bash", "-o", "pipefail", "-c", script], code, b"", env)

    def all(self, lines: Iterable[str], code: int | None = 0, **env: str) -> dict[str, Ended]:
        """Run several commands that do not need each other; processes two at a time."""
        wanted = list(lines)
        if not self.installed:
            return {line: self(line, code, **env) for line in wanted}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(lambda line: self(line, code, **env), wanted), strict=True))

    def observed(self, lines: Iterable[str], **env: str) -> tuple[dict[str, Ended], dict[str, set[str]]]:
        """As `all`, and by command the modules that it had loaded when it ended."""
        with TemporaryDirectory() as hook:
            (Path(hook) / "sitecustomize.py").write_text(_RECORD_MODULES)
            ended = self.apart.all(lines, **env, PYTHONPATH=hook, RECORDS=hook)
            records = [json.loads(file.read_text()) for file in Path(hook).glob("*.json")]
        loaded = {shlex.join(record["arguments"]): set(record["modules"]) for record in records}
        return ended, {line: loaded[shlex.join(shlex.split(line))] for line in ended}

    def start(self, line: str, env: Mapping[str, str] | None = None, **streams: Any) -> subprocess.Popen[bytes]:
        """Start `nccli LINE` and leave it running; use it as a context manager."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [str(NCCLI), *shlex.split(line)], cwd=self.folder, env=environment(**(env or {})), **{**pipes, **streams}
        )

    def _run(self, command: list[str], code: int | None, stdin: bytes, env: dict[str, str]) -> Ended:
        ended = self._finish(command, stdin, env)
        if code is None:
            return ended
        assert "Traceback" not in ended.err, f"{shlex.join(command)}\n{ended.err}"
        assert "internal error" not in ended.err, f"{shlex.join(command)}\n{ended.err}"
        assert ended.code == code, f"{shlex.join(command)} ended with {ended.code}, not {code}\n{ended.err}"
        return ended

    def _finish(self, command: list[str], stdin: bytes, env: dict[str, str]) -> Ended:
        if not self.installed:
            return Ended(*run_in_process(command, self.folder, environment(**env), stdin))
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=environment(**env),
            timeout=_PATIENCE,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr.decode())
