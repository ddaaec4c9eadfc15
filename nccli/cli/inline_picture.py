"""A picture inside the terminal, by the escape sequences of those that can show one."""

import base64
import os
import sys

from nccli.errors import InputError

_CHUNK = 4096
"""Characters of a part: what kitty's protocol takes at most."""


def picture_protocol() -> str:
    """By which protocol this terminal shows pictures: "kitty" or "iterm2".

    Raises:
        InputError: stdout is no terminal, or none that is known to show pictures.
    """
    if not sys.stdout.isatty():
        raise InputError("--inline shows a picture in the terminal, and stdout is none: -o FILE.png, or --text")
    term, program = os.environ.get("TERM", ""), os.environ.get("TERM_PROGRAM", "")
    within = term.startswith(("tmux", "screen")) or "TMUX" in os.environ  # what they do not know they swallow
    if not within and ("kitty" in term or "ghostty" in (term, program) or "KITTY_WINDOW_ID" in os.environ):
        return "kitty"
    if not within and (program in ("iTerm.app", "WezTerm") or os.environ.get("LC_TERMINAL") == "iTerm2"):
        return "iterm2"
    raise InputError(f"--inline: terminal '{term}' is not known to show pictures, as kitty and iTerm2 do: --text draws")


def inline_picture(png: bytes, protocol: str) -> bytes:
    """The escape sequences that show a PNG, and a new line."""
    text = base64.b64encode(png).decode()
    if protocol == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(png)};width=100%;preserveAspectRatio=1:{text}\a\n".encode()
    parts = [text[i : i + _CHUNK] for i in range(0, len(text), _CHUNK)]
    found = []
    for i, part in enumerate(parts):
        about = "a=T,f=100," if i == 0 else ""
        found.append(f"\x1b_G{about}m={int(i + 1 < len(parts))};{part}\x1b\\")
    return ("".join(found) + "\n").encode()
