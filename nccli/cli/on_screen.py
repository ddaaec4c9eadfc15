"""A figure on the terminal itself, in place of a file."""

from dataclasses import dataclass
from typing import Any, Self

from nccli.errors import InputError


@dataclass(frozen=True)
class OnScreen:
    """How it is shown.

    Attributes:
        protocol: of pictures; "" for characters.
    """

    protocol: str

    @classmethod
    def asked(cls, text: bool, inline: bool, file: str | None) -> Self | None:
        """What --text and --inline ask for; None for a file.

        Args:
            text, inline: whether they were given.
            file: what else was asked for that is about a file.

        Raises:
            InputError: two of these, plotext is missing, or a terminal that shows no pictures.
        """
        if not text and not inline:
            return None
        if text and inline:
            raise InputError("--text and --inline are two ways to show it: choose one")
        if file is not None:
            flag = "--text" if text else "--inline"
            raise InputError(f"{flag} writes no file, and '{file}' is about one: drop one of them")
        if text:
            from nccli.figures.in_characters import require_plotext

            require_plotext()
            return cls("")
        from nccli.cli.inline_picture import picture_protocol

        return cls(picture_protocol())

    def content(self, figure: Any) -> bytes:
        """What stdout gets, inside `nccli.figures.style`.

        Raises:
            InputError: the figure has nothing that characters could show.
        """
        from nccli.cli.inline_picture import inline_picture
        from nccli.cli.output import encoded
        from nccli.cli.table_fit import WIDTH, terminal_width
        from nccli.figures import render, settle
        from nccli.figures.in_characters import figure_text

        if self.protocol:
            return inline_picture(render(figure, "png"), self.protocol)
        settle(figure)
        return encoded(figure_text(figure, terminal_width() or WIDTH))
