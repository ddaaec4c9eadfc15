"""The caption of a figure as LaTeX."""

import re

from nccli.figures.figure import Drawn

_SPECIAL = {character: f"\\{character}" for character in "&%#_{}"}
_SPECIAL |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "$": r"\$"}
_SPECIAL |= {"<": "$<$", ">": "$>$", "|": "$|$", '"': "''"}
_GREEK = "α alpha β beta γ gamma δ delta ε varepsilon ζ zeta η eta θ theta κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho"
_GREEK += (
    " σ sigma τ tau φ varphi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi Ψ Psi Ω Omega"
)
_MATHS = {letter: f"\\{name}" for letter, name in zip(_GREEK.split()[::2], _GREEK.split()[1::2], strict=True)}
_MATHS |= {"±": r"\pm", "−": "-", "²": "^2", "³": "^3", "¹": "^1", "⁺": "^+", "∏": r"\prod", "√": r"\surd"}
_MATHS |= {"×": r"\times", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "→": r"\to", "⊕": r"\oplus"}
_MATHS |= {"∞": r"\infty", "·": r"\cdot", "≈": r"\approx", "‖": r"\|"}
_WORDS = {"…": r"\dots{}", "–": "--", "’": "'"}

_FORMULA = re.compile(r"(?<!\\)\$(?:[^$\\]|\\.)+\$")
_SYMBOL = re.compile(r"λ_(H1|W)(?:/λ)?")


def latex_caption(drawn: Drawn) -> str:
    r"""`\caption{…}`, for \input inside a figure environment: of a figure of several parts all of theirs, by title.

    Needs nothing but the amsmath package's \widetilde, which LaTeX has too.
    """
    if drawn.parts and not drawn.caption:
        parts = [f"{title}: {part.caption}" for title, part in drawn.parts.items()]
        text = " ".join(f"{_sentence(latex(part))}" for part in parts)
    else:
        text = _sentence(latex(drawn.caption))
    return f"\\caption{{{text}}}\n"


def latex(text: str) -> str:
    """Text of a figure as LaTeX: formulas stand between dollars, and a dollar after a backslash is one."""
    parts: list[str] = []
    end = 0
    for formula in _FORMULA.finditer(text):
        parts += [_plain(text[end : formula.start()]), formula[0]]
        end = formula.end()
    return "".join([*parts, _plain(text[end:])])


def _plain(text: str) -> str:
    """Text without formulas."""
    parts: list[str] = []
    end = 0
    for symbol in _SYMBOL.finditer(text):
        below = "H_1" if symbol[1] == "H1" else "W"
        over = r"/\lambda" if symbol[0].endswith("/λ") else ""
        parts += [_characters(text[end : symbol.start()]), rf"$\lambda_{{{below}}}{over}$"]
        end = symbol.end()
    return "".join([*parts, _characters(text[end:])])


def _characters(text: str) -> str:
    found = text.replace(r"\$", "$")
    return "".join(
        _SPECIAL.get(each) or (f"${_MATHS[each]}$" if each in _MATHS else _WORDS.get(each, each)) for each in found
    )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
