"""A value that must not be seen by accident."""

from typing import NoReturn


class Secret:
    """Holds a secret text and never prints, compares by `==`, hashes or pickles it; only `reveal()` gives it away."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]  # a secret in a set or as a key would be compared unawares

    def __init__(self, value: str) -> None:
        """Wrap a clear text."""
        self._value = value

    def reveal(self) -> str:
        """Return the clear text. The places that may call this are listed by a test."""
        return self._value

    def __repr__(self) -> str:
        """Return a fixed text: neither value nor length."""
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        """Return the same fixed text in f-strings."""
        return repr(self)

    def __eq__(self, _other: object) -> bool:
        """Refuse comparison: `hmac.compare_digest` on digests is the way."""
        raise TypeError("Secrets are not compared")

    def __reduce__(self) -> NoReturn:
        """Refuse pickling."""
        raise TypeError("Secrets are not pickled")
