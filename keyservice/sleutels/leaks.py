"""Finding keys in what somebody pastes: a bare key, a line of a configuration, a whole log file. Pure."""

from keyservice.kernel.secret import Secret
from keyservice.kernel.text import as_it_reads, holds_secret
from keyservice.sleutels.format import KEY_PATTERN, check_format

LEFT_OUT = "(weggelaten: in de tekst stond een geheim)"


def keys_in(text: str) -> list[Secret]:
    """Return the different keys whose checksum is right, also those broken over lines; no database is asked."""
    plain = as_it_reads(text)
    found = [key for form in (plain, "".join(plain.split())) for key in KEY_PATTERN.findall(form)]
    return [Secret(key) for key in dict.fromkeys(found) if check_format(key) is None]


def without_keys(text: str) -> str:
    """Return a text as it may be stored: without keys, and nothing of it when another secret stands in it."""
    plain = KEY_PATTERN.sub("(sleutel)", as_it_reads(text))
    return LEFT_OUT if holds_secret(plain) else plain
