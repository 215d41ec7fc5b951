"""Tables that people open in a spreadsheet: nothing in them is taken for a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from flask import Response, stream_with_context

# CWE-1236: with one of these in front, a spreadsheet computes what somebody typed. It forgets blanks before them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_file(name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """Return a table as a file to download, as Dutch spreadsheets open it: `;` between columns, UTF-8 with a mark.

    The rows are sent as they come, so that a long table needs no memory.
    """
    response = Response(stream_with_context(_lines(headings, rows)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    text = io.StringIO("\ufeff")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    for row in chain([headings], rows):
        writer.writerow([harmless(value) for value in row])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def harmless(value: str) -> str:
    """Return a value that no spreadsheet takes for a formula: one that could be gets an apostrophe in front."""
    bare = value.lstrip()
    blanks = value[: len(value) - len(bare)]
    # The wide forms of these characters, as in Chinese text, count too.
    wide = unicodedata.normalize("NFKC", bare[:1])
    suspect = wide.startswith(_FORMULA) or not set(blanks).isdisjoint(_FORMULA)
    return f"'{value}" if suspect else value
