"""E-mail addresses: whether one can be right, and whether two of them are one mailbox."""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

_MAX_LENGTH = 254  # RFC 5321 4.5.3.1.3: a path of 256 characters, of which two are angle brackets


class InvalidEmail(ValueError):
    """A typed text that is no e-mail address we can send to."""


def parse_email(text: str) -> str:
    """Return a typed address in ASCII: the part before the @ as typed, the domain in lower case and IDNA.

    Raises InvalidEmail for anything else, control and invisible characters included. Without letters outside
    ASCII before the @ every mail server can take it, and look-alike domains show themselves as `xn--`. No DNS is asked:
    the code in the practice zip proves that the mailbox is there.
    """
    if len(text) > 2 * _MAX_LENGTH:
        raise InvalidEmail
    try:
        address = validate_email(
            text.strip(" \u00a0"), check_deliverability=False, allow_smtputf8=False, strict=True
        ).ascii_email
    except EmailNotValidError:
        raise InvalidEmail from None
    if address is None or len(address) > _MAX_LENGTH:
        raise InvalidEmail
    return address


@lru_cache(maxsize=4096)  # independence asks for all people of a gemeente, again and again
def canonical_mailbox(address: str) -> str:
    """Return what all spellings of one mailbox share: no case, no dots before the @, nothing from a plus on.

    Not every mail server treats these alike; for independence two addresses that *may* be one mailbox are one.
    Raises InvalidEmail.
    """
    local, _, domain = parse_email(address).rpartition("@")
    user = local.partition("+")[0].replace(".", "") or local  # "+x@..." has nothing before the plus
    return f"{user.lower()}@{domain}"
