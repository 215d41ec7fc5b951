"""The opener: the page that opens a zip in the browser, for who has no program that can. It sends us nothing.

The page is also there as one file that needs nothing else: `python -m keyservice.web.opener` makes it, after esbuild.
"""

import base64
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from keyservice import settings

PATH = "/openen"
FILE_NAME = "openpagina.html"
PACKAGE = Path(__file__).parents[1]
BUILD = PACKAGE / "static" / "build"
# The page holds a key: no request leaves it, not even to this site, and no form can be sent.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)

_TEMPLATES = PACKAGE.parent / "templates"  # the file is made in a checkout; a wheel carries it
_STYLE_TAG = '<link rel="stylesheet" href="app.css">'
_SCRIPT_TAG = '<script src="opener.js"></script>'


def address() -> str:
    """Return the address of the page, for in a mail."""
    return f"{settings.current().base_url}{PATH}"


def write() -> None:
    """Write the page as one file from the bundled script and style and the licences, which lie beside it."""
    style, script, licences = ((BUILD / name).read_text("utf-8") for name in ("app.css", "opener.js", "licences.txt"))
    # Bytes, so that no system changes the ends of lines: the hashes are over exactly this.
    (BUILD / FILE_NAME).write_bytes(compose(style, script, licences).encode())


def compose(style: str, script: str, licences: str) -> str:
    """Return the page with style and script in it; its policy allows these two by their hash, and nothing else.

    The fonts stay out: those of the system will do. Raises ValueError when one would end too early.
    """
    style, script = re.sub(r"@font-face\s*{[^}]*}", "", style).strip(), script.strip()
    if "</style" in style or "</script" in script:
        raise ValueError("style or script would end early")
    policy = (
        f"default-src 'none'; script-src {source_of(script)}; style-src {source_of(style)}; img-src data:; "
        "form-action 'none'; base-uri 'none'"
    )
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(f"web/{FILE_NAME}").render(policy=policy, licences=licences)
    for tag, inlined in ((_STYLE_TAG, f"<style>{style}</style>"), (_SCRIPT_TAG, f"<script>{script}</script>")):
        before, after = page.split(tag)
        page = before + inlined + after
    return page


def source_of(text: str) -> str:
    """Return the name of a script or style inside a page for its policy: the hash of its text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


if __name__ == "__main__":
    write()
