"""The text inside the zip of a key. Only ASCII and CRLF: each editor on each system shows it the same.

It names no gemeente and no OIN: who finds the file does not learn whose key it is.
"""

from keyservice.kernel.secret import Secret

KEY_ENTRY = "applicatiesleutel.txt"

_KEY_TEXT = """\
Applicatiesleutel voor het Portaal Inburgering

Uw applicatiesleutel:
{key}

Uw activatiecode:
{code}

Wat moet u doen?
1. Vul de applicatiesleutel in uw softwarepakket in. Of laat uw
   softwareleverancier dat doen. De sleutel is 1 lang woord zonder spaties.
2. Log in bij Sleuteluitgifte. Kies 'Sleutel activeren' en vul de
   activatiecode in. Pas daarna werkt de sleutel.
3. Verwijder dit bestand en het zipbestand.

Deel de sleutel met niemand anders. Mail de sleutel niet.
Denkt u dat iemand anders de sleutel heeft gezien? Bel dan meteen uw
relatiebeheerder. Wij trekken de sleutel dan in.
"""


def key_text(key: Secret, activation_code: Secret) -> str:
    """Return the text of `applicatiesleutel.txt`: key and activation code each alone on a line, and what to do.

    The code stands in 2 groups of 4, easy to read and type; where it is typed the hyphen does not count.
    """
    code = activation_code.reveal()
    return _KEY_TEXT.format(key=key.reveal(), code=f"{code[:4]}-{code[4:]}").replace("\n", "\r\n")
