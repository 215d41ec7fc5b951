"""The berichtenboek as one file that needs nothing else: to keep, to hand on, to print."""

from pathlib import Path

from flask import render_template

from keyservice.berichtenboek.content import Book
from keyservice.web import opener

NAME = "berichtenboek.html"
# Our own few rules: with the style of the site the file would be ten times as large.
_STYLES = [Path(__file__).parents[1] / "static" / "css" / name for name in ("book_file.css", "api.css", "book.css")]
_STYLE_TAG = '<link rel="stylesheet" href="book.css">'


def page(book: Book) -> str:
    """Return the file; its policy allows its own style by hash, and nothing else."""
    style = "\n".join(path.read_text("utf-8") for path in _STYLES)
    policy = f"default-src 'none'; style-src {opener.source_of(style)}; img-src data:; form-action 'none'"
    before, after = render_template("berichtenboek/file.html", book=book, policy=policy).split(_STYLE_TAG)
    return f"{before}<style>{style}</style>{after}"
