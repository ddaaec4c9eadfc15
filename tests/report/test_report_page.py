"""The page is safe whatever runs are called, and its pictures do not take each other's parts."""

import json
import re
from dataclasses import replace

from nccli.report import Contents, Heading, Picture, Run, Table, report_page
from nccli.report.pictures import inline

BAD = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


def contents(text: str) -> Contents:
    """A report all of whose texts are one."""
    table = Table([Heading(text)], [[text]])
    run = Run(text, [text], {0: 1.5}, {text: text}, text, [[text]])
    picture = Picture(text, text, "<svg></svg>", text, [text])
    columns = [Heading(text, left=True)]
    return Contents(text, [text], table, table, [picture], {text: text}, columns, columns, [run], [text])


def test_no_text_becomes_markup() -> None:
    page, plain = report_page(contents(BAD)), report_page(contents("plain"))
    tags = re.compile(r"<(/?[a-z]+)")
    assert tags.findall(page) == tags.findall(plain)
    assert "onerror=alert(1)>" not in page


def test_the_data_are_the_texts_again() -> None:
    found = re.search(r'id="details">(.*?)</script>', report_page(contents(BAD)), re.DOTALL)
    assert found is not None
    assert json.loads(found[1]) == {"columns": [[BAD, 1]], "runs": [[{BAD: BAD}, BAD, [[BAD]]]]}


def test_a_report_without_figures_says_so() -> None:
    assert "none of the figures" in report_page(replace(contents("plain"), pictures=[]))


def test_ids_of_a_picture_are_its_own_and_coordinates_short() -> None:
    svg = '<?xml?>\n<svg ><metadata>x</metadata><path id="a" d="M 1.23456 -7.891\nL 0.5 3" clip-path="url(#c)"/>'
    made = inline(svg + '<use xlink:href="#a"/></svg>', "gram")
    assert 'id="gram-a" d="M 1.23 -7.89 L 0.5 3" clip-path="url(#gram-c)"' in made
    assert '<use xlink:href="#gram-a"/>' in made
    assert "metadata" not in made
