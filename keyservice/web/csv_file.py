"""Tables that people open in a spreadsheet: nothing in them is taken for a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from flask import Response

# CWE-1236: with one of these in front, a spreadsheet computes what somebody typed. It forgets blanks before them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_file(name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """Return a table as a file to download, as Dutch spreadsheets open it: `;` between columns, UTF-8 with a mark."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerows([harmless(value) for value in row] for row in (headings, *rows))
    response = Response("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def harmless(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula: one that could be gets an apostrophe in front."""
    bare = value.lstrip()
    blanks = value[: len(value) - len(bare)]
    # The wide forms of these characters, as in Chinese text, count too.
    wide = unicodedata.normalize("NFKC", bare[:1])
    suspect = wide.startswith(_FORMULA) or not set(blanks).isdisjoint(_FORMULA)
    return f"'{value}" if suspect else value
