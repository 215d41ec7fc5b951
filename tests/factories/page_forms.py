"""The form on a page, filled in as it stands there: hidden values kept, boxes ticked, something chosen."""

from xml.etree import ElementTree as ET

from tests.pages import parse

Fields = dict[str, str | list[str]]


def filled_in(page: str, path: str) -> Fields:
    """Return what a browser would send of the form that goes to `path`; texts are left to who types them."""
    root, _complaints = parse(page)
    fields: dict[str, list[str]] = {}
    for form in root.iter("form"):
        if form.get("method", "get").lower() == "post" and (form.get("action") or path) == path:
            _take(form, fields)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _take(form: ET.Element, fields: dict[str, list[str]]) -> None:
    for element in form.iter("input"):
        name, kind, value = element.get("name"), element.get("type", "text"), element.get("value", "on")
        if name and (kind in {"hidden", "checkbox"} or (kind == "radio" and name not in fields)):
            fields.setdefault(name, []).append(value)
    for element in form.iter("select"):
        name, choices = element.get("name"), [option.get("value", "") for option in element.iter("option")]
        if name and choices:
            # The last one: the first may be "make a choice", and two people that are asked for must differ.
            fields[name] = choices[-1:]
