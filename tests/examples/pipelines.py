"""Scripts of `nccli` alone, carried out within the test process: pipes, `&&`, and files for streams."""

import re
import shlex
from pathlib import Path

from tests.cli.command import Ended, Nccli


def carry_out(script: str, folder: Path, more: tuple[str, ...] = ()) -> list[Ended]:
    """Carry out a script in a folder.

    Args:
        script: lines of `nccli …`, with `|`, `&&`, `> FILE` and `< FILE`.
        folder: where.
        more: what a command is given besides, where it is the last of its pipe and takes it.

    Returns:
        What the last command of each pipe left.
    """
    return [
        _pipe(pipe, folder, more)
        for line in re.sub(r"\\\n|(?<=\|)\n", " ", script).splitlines()
        for pipe in _split(_words(line), "&&")
        if pipe
    ]


def _words(line: str) -> list[str]:
    reader = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    reader.whitespace_split = True
    return list(reader)


def _split(words: list[str], between: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == between:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _pipe(words: list[str], folder: Path, more: tuple[str, ...]) -> Ended:
    ended, given = Ended(0, b"", ""), b""
    commands = _split(words, "|")
    for command in commands:
        streams = {sign: command.pop(at + 1) for sign in "<>" if sign in command for at in [command.index(sign)]}
        program, *arguments = [word for word in command if word not in streams]
        assert program == "nccli", f"'{program}': only nccli is carried out within the tests"
        if "<" in streams:
            given = Path(streams["<"]).read_bytes()
        extra = more if command is commands[-1] and arguments[0] not in ("plot", "report") else ()
        ended = Nccli(folder)(shlex.join([*arguments, *extra]), stdin=given)
        given = ended.raw
        if ">" in streams:
            (folder / streams[">"]).write_bytes(given)
    return ended
