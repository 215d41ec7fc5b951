"""Makes accessible PDF (PDF/UA-1 and PDF/A-2a) from a template of typst and values."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock

from typst import Compiler, TypstError

_one_at_a_time = Lock()  # the compiler raises when a second one begins before the first is done
# Scripts and signs that the fonts inside typst hold: Latin, Greek, Cyrillic and what a text in them uses.
_BEYOND_THE_FONTS = re.compile("[^\\s\u0021-\u024f\u0300-\u0484\u0487-\u04ff\u1e00-\u1eff\u2010-\u2027\u20ac]")


def render_pdf(template: Path, values: Mapping[str, object]) -> bytes:
    """Return the PDF of a template, which reads its values as JSON from `sys.inputs.values`, never as markup.

    A character that no font has would end it all: it is shown as a question mark. Raises TypstError.
    """
    text = json.dumps(values)
    try:
        return compile_pdf(template, text)
    except TypstError:
        known = json.dumps(_known(values))
        if known == text:
            raise
        return compile_pdf(template, known)


def _known(value: object) -> object:
    if isinstance(value, str):
        return _BEYOND_THE_FONTS.sub("?", value)
    if isinstance(value, Mapping):
        return {name: _known(part) for name, part in value.items()}
    return [_known(part) for part in value] if isinstance(value, list | tuple) else value


@cache
def _compiler() -> Compiler:
    # One per process: the first document takes 100 ms, the next ones a few.
    return Compiler(ignore_system_fonts=True)


def compile_pdf(template: Path, values: str) -> bytes:
    """Return the PDF of a template as it is, whose values are JSON text. Raises TypstError."""
    with _one_at_a_time:
        made = _compiler().compile(
            template, root=template.parent, format="pdf", sys_inputs={"values": values}, pdf_standards=["ua-1", "a-2a"]
        )
    if not isinstance(made, bytes):
        raise TypeError("typst made something else than one file")
    return made
