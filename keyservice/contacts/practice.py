"""The text inside a practice zip: a code that proves mailbox and zip program. ASCII and CRLF, as in the real one."""

from keyservice.kernel.secret import Secret

PRACTICE_ENTRY = "oefenbestand.txt"

_PRACTICE_TEXT = """\
Oefenbestand van Sleuteluitgifte

U kunt ons zipbestand ontvangen en openen. Dat is het bewijs.

Uw controlecode:
{code}

Wat moet u doen?
1. Ga terug naar de pagina waar u het wachtwoord van dit zipbestand zag.
2. Vul daar de controlecode in.
3. Verwijder dit bestand en het zipbestand.

In dit bestand staat geen sleutel.
"""


def practice_text(code: Secret) -> str:
    """Return the text of `oefenbestand.txt`: the code alone on a line, in 2 groups of 4, and what to do with it."""
    clear = code.reveal()
    return _PRACTICE_TEXT.format(code=f"{clear[:4]}-{clear[4:]}").replace("\n", "\r\n")
