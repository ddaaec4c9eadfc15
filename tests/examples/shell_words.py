"""What a block of shell would start, word by word: bash itself reads it, and nothing is started."""

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

_RECORD = r"""
command_not_found_handle() {
    printf '%s\0' "$@" > "$RECORDS/$EPOCHREALTIME-$BASHPID-$RANDOM"
    printf '%s\n' "$SHOWN"
}
"""


def commands(script: str, shown: str) -> list[list[str]]:
    """Commands that a script starts, with their words after every expansion; loops as often as they turn.

    No program is found, so none is started; builtins do what they do, in an empty folder.

    Args:
        script: for bash; a program may be named by its path in a virtual environment.
        shown: what each of them prints, for what stands in $(…).

    Raises:
        AssertionError: bash cannot read it.
    """
    with TemporaryDirectory() as folder, TemporaryDirectory() as records:
        ended = subprocess.run(
            ["/bin/bash", "-c", _RECORD + re.sub(r"\.venv/bin/", "", script)],
            cwd=folder,
            env={"PATH": records, "RECORDS": records, "SHOWN": shown, "LANG": "C.UTF-8", "HOME": folder},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "syntax error" not in ended.stderr, ended.stderr
        assert "unexpected" not in ended.stderr, ended.stderr
        return [
            os.fsdecode(file.read_bytes()).split("\0")[:-1]
            for file in sorted(Path(records).iterdir(), key=lambda file: file.name.split("-")[0])
        ]
