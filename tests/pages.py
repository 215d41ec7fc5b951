"""The checking of one page: what is wrong with its HTML, told in words. Every test that fetches pages may use it."""

from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import html5lib

NEEDS_LABEL = {"input", "select", "textarea"}
NEEDS_NO_LABEL = {"hidden", "submit", "button"}
FORBIDDEN_ATTRIBUTES = ("style",)


def check(html: str) -> None:
    """Raise AssertionError that names every fault: HTML5, language, title, heading, ids, labels, inline code."""
    faults = list(_faults(html))
    assert not faults, "\n".join(faults)


def text_of(element: ET.Element) -> str:
    """Return the text of an element and all in it, with single spaces."""
    return " ".join("".join(element.itertext()).split())


def parse(html: str) -> tuple[ET.Element, list[str]]:
    """Parse a page strictly; return its root and the parser's complaints."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    root = parser.parse(html)
    places = [f"HTML5: {code} at line {position[0]} {data or ''}" for position, code, data in parser.errors]
    return root, places


def _faults(html: str) -> Iterator[str]:
    root, complaints = parse(html)
    yield from complaints
    if root.get("lang") != "nl":
        yield f"the language is {root.get('lang')!r}"
    yield from _heading(root)
    ids = Counter(element.get("id") for element in root.iter() if element.get("id") is not None)
    yield from (f"the id {name!r} stands {count} times" for name, count in ids.items() if count > 1)
    yield from _references(root, set(ids))
    yield from _labels(root)
    yield from _inline(root)
    # Without one it goes to the address with its #part, such as that of the skip link: then that gets the focus again,
    # and not the summary of the faults.
    if any(form.get("method") == "post" and not form.get("action") for form in root.iter("form")):
        yield "a form that is posted names no address"


def _heading(root: ET.Element) -> Iterator[str]:
    headings = [text_of(heading) for heading in root.iter("h1")]
    title = root.find("head/title")
    if len(headings) != 1:
        yield f"there are {len(headings)} h1: {headings}"
    elif title is None or not text_of(title).removeprefix("Fout: ").startswith(headings[0]):
        yield f"the title {text_of(title) if title is not None else None!r} does not begin with the h1 {headings[0]!r}"


def _references(root: ET.Element, ids: set[str | None]) -> Iterator[str]:
    for element in root.iter():
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            yield from (
                f"{name} of <{element.tag}> names {one!r}, which is not there"
                for one in (element.get(name) or "").split()
                if one not in ids
            )
        href = element.get("href") or ""
        if element.tag == "a" and href.startswith("#") and href[1:] not in ids:
            yield f"a link goes to {href!r}, which is not there"


def _labels(root: ET.Element) -> Iterator[str]:
    labelled = {label.get("for") for label in root.iter("label") if text_of(label)}
    inside = {id(field) for label in root.iter("label") for field in label.iter() if text_of(label)}
    for field in root.iter():
        if field.tag not in NEEDS_LABEL or field.get("type") in NEEDS_NO_LABEL:
            continue
        named = field.get("aria-label") or field.get("aria-labelledby")
        if field.get("id") not in labelled and id(field) not in inside and not named:
            yield f"<{field.tag} name={field.get('name')!r}> has no label"
    for button in [*root.iter("button"), *root.iter("a")]:
        if not text_of(button) and not button.get("aria-label") and button.find(".//img") is None:
            yield f"a <{button.tag}> has no text"


def _inline(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for name in element.attrib:
            if name in FORBIDDEN_ATTRIBUTES or str(name).startswith("on"):
                yield f"<{element.tag}> has {name}, which the content security policy blocks"
        if element.tag == "style" or (element.tag == "script" and not element.get("src")):
            yield f"<{element.tag}> inline, which the content security policy blocks"
