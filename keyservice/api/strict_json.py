"""What Python's reader of JSON finds and that of pydantic does not: names that come twice, numbers that are none."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

# A hostile body nests long names deeply; what is told of it stays small.
_MOST, _LONGEST_PART = 1000, 100
# No message of ours has more parts in a place: what stands deeper is in a field that is refused anyway.
_MOST_PARTS = 5


def names_twice(text: str) -> list[str]:
    """Return where in a JSON text an object has a name more than once, with dots between the parts.

    Of many places the first thousand, and none deeper than our messages go. Which of the values counts, readers do not
    agree on (RFC 8259, 4); I-JSON forbids it (RFC 7493, 2.3). Raises ValueError for NaN and Infinity. Takes what
    pydantic could read: nested no deeper than that, whole characters only.
    """
    some = False

    def pairs(found: list[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
        nonlocal some
        some = some or len({name for name, _ in found}) < len(found)
        return tuple(found)

    # Of a number it counts that there is one: to compute one of thousands of digits takes long.
    read = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_number, parse_int=len, parse_float=len)
    return list(dict.fromkeys(islice(_places(read, ""), _MOST))) if some else []


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _places(value: Any, place: str, parts: int = 1) -> Iterator[str]:
    """Give the place of each name that came before; an object is a tuple of pairs, an array a list."""
    if parts > _MOST_PARTS:
        return
    if isinstance(value, tuple):
        seen = set()
        for name, inner in value:
            if name in seen:
                yield f"{place}{name[:_LONGEST_PART]}"
            seen.add(name)
            yield from _places(inner, f"{place}{name[:_LONGEST_PART]}.", parts + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, f"{place}{number}.", parts + 1)
