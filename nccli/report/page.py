"""From contents to the page: the only place that writes markup, and it escapes every text."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from nccli.report.contents import Contents, Heading, Picture, Run, Table

_SHOWN = 60
"""Lines of a table of outcomes or settings that stand open: a taste; longer ones scroll."""


def report_page(contents: Contents) -> str:
    """The page: HTML that holds its own style, script, figures and data, and by its own rule loads nothing else."""
    script = _file("report.js")
    return Template(_file("page.html")).substitute(
        title=escape(contents.title),
        about="".join(f"<p>{escape(line)}</p>" for line in contents.about),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=_file("report.css"),
        outcomes=_table(contents.outcomes, "outcomes"),
        settings=_table(contents.settings, "settings"),
        pictures="".join(map(_picture, contents.pictures)) or "<p>These runs make none of the figures.</p>",
        undrawn=_undrawn(contents.undrawn),
        head=_head(contents.columns, sortable=True),
        runs="".join(map(_run, contents.runs)),
        count=str(len(contents.runs)),
        commands=escape("\n".join(contents.commands)),
        details=_data(contents),
    )


def _file(name: str) -> str:
    return (files("nccli.report") / "template" / name).read_text("utf-8")


def _table(table: Table, name: str) -> str:
    body = "".join(f"<tr>{_cells(row, table.headings)}</tr>" for row in table.rows)
    long = ' class="long"' if len(table.rows) > _SHOWN else ""
    return f'<div{long}><table id="{name}"><thead>{_head(table.headings)}</thead><tbody>{body}</tbody></table></div>'


def _head(headings: Iterable[Heading], sortable: bool = False) -> str:
    def cell(heading: Heading) -> str:
        kind = ' class="w"' if heading.left else ""
        title = escape(heading.title)
        return f'<th scope="col"{kind}>' + (f'<button type="button">{title}</button>' if sortable else title) + "</th>"

    return f"<tr>{''.join(map(cell, headings))}</tr>"


def _cells(texts: Sequence[str], headings: Sequence[Heading]) -> str:
    return "".join(
        f"<td{' class=w' if heading.left else ''}>{escape(text)}</td>"
        for text, heading in zip(texts, headings, strict=True)
    )


def _run(run: Run) -> str:
    def cell(place: int, text: str) -> str:
        number = f' data-v="{run.sort[place]:.12g}"' if place in run.sort else ""
        if place == 0:
            return f'<td{number}><button type="button" aria-expanded="false">{escape(text)}</button></td>'
        return f"<td{number}>{escape(text)}</td>"

    return f"<tr>{''.join(cell(place, text) for place, text in enumerate(run.cells))}</tr>\n"


def _picture(picture: Picture) -> str:
    notes = "".join(f"<br>{escape(note)}" for note in picture.notes)
    about = f"<b>{escape(picture.name)}</b>: {escape(picture.summary)}{notes}<code>{escape(picture.command)}</code>"
    return f'<figure id="figure-{escape(picture.name)}">{picture.markup}<figcaption>{about}</figcaption></figure>\n'


def _undrawn(reasons: Mapping[str, str]) -> str:
    if not reasons:
        return ""
    lines = "".join(f"<li><b>{escape(name)}</b>: {escape(reason)}</li>" for name, reason in reasons.items())
    return f"<details><summary>{len(reasons)} figures that these runs do not make</summary><ul>{lines}</ul></details>"


def _data(contents: Contents) -> str:
    """What clicks show, as JSON in which no text can end the element that it stands in."""
    found = {
        "columns": [[heading.title, int(heading.left)] for heading in contents.layer_columns],
        "runs": [[run.settings, run.command, run.layers] for run in contents.runs],
    }
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
