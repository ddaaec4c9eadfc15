"""One HTML file that tells a set of runs: texts in, a page out that works offline and asks nobody for anything."""

from nccli.report.contents import Contents, Heading, Picture, Run, Table
from nccli.report.page import report_page
from nccli.report.pictures import draw_pictures, pictures_of

__all__ = ["Contents", "Heading", "Picture", "Run", "Table", "draw_pictures", "pictures_of", "report_page"]
