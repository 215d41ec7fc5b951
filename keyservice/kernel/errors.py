"""The kinds of error a use case raises. `code` is stable and chooses the text on the page; `data` fills it."""


class UseCaseError(Exception):
    """Something a use case will not do; raising rolls its transaction back."""

    def __init__(self, code: str, **data: object) -> None:
        """Take a stable code (lower case with dashes) and the values its Dutch text needs."""
        super().__init__(code)
        self.code = code
        self.data = data


class NotFound(UseCaseError):
    """There is no such thing for this person: unknown, or of another gemeente (404)."""


class Refused(UseCaseError):
    """The thing is there, but this person may not do this (403)."""


class Conflict(UseCaseError):
    """Somebody or time was faster: the state is no longer the one that was looked at (409)."""


class Invalid(UseCaseError):
    """The input is wrong (422)."""


class TooOften(UseCaseError):
    """Somebody guessed too often and must wait a while; `data` holds the `seconds` (429)."""
