"""Text that a terminal shows and does not obey."""

import unicodedata


def is_printable(text: str) -> bool:
    """Whether a text has neither control characters nor halves of characters."""
    return text.isprintable() or not any(map(_is_control, text))


def has_controls(text: str) -> bool:
    """Whether a text has control characters; halves of characters are what a name in another encoding becomes."""
    return any(unicodedata.category(character) == "Cc" for character in text)


def printable(text: str, kept: str = "") -> str:
    """A text with U+FFFD for what is not printable, but for characters that are kept."""
    if is_printable(text):
        return text
    return "".join("\ufffd" if _is_control(c) and c not in kept else c for c in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")
