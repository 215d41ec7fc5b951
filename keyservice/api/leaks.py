"""The leak intake for programs that look for keys: `POST /v1/gelekte-sleutels`, without a key of one's own."""

from pydantic import Field

from keyservice.api.fields import Fields
from keyservice.api.operation import operation
from keyservice.issuance.leaks import LONGEST_PLACE, WITHOUT_KEY, report
from keyservice.kernel.errors import Invalid
from keyservice.web import access

LONGEST_TEXT = 10_000  # 100 keys, and the lines in which they stand
THANKS = "Dank u. Als dit een geldige sleutel is, werkt hij nu niet meer."


class Vondst(Fields):
    """Een sleutel die iemand vond."""

    sleutel: str = Field(
        description="De gevonden sleutel, of een tekst waarin hij staat. Wij zoeken op `asl_[ap]_[0-9A-Za-z]{38}`.",
        min_length=1,
        max_length=LONGEST_TEXT,
        examples=["asl_p_…"],
        repr=False,
    )
    gevonden_op: str | None = Field(
        default=None,
        description="Waar u de sleutel vond, bijvoorbeeld het adres van een pagina. DUO leest dit.",
        max_length=LONGEST_PLACE,
        examples=["https://git.example/project/instellingen.py"],
        repr=False,
    )


class Dank(Fields):
    """Het antwoord: altijd hetzelfde, of de sleutel bestaat of niet."""

    melding: str = Field(description="Wat er is gebeurd.", examples=[THANKS])


@operation("POST", "/gelekte-sleutels", scheme=None, tag="Gelekte sleutels", answer=Dank, json=Vondst)
def gelekte_sleutels(found: Vondst) -> Dank:
    """Meld een of meer gevonden sleutels.

    Elke geldige sleutel in de melding werkt meteen niet meer. De gemeente van de sleutel en DUO krijgen bericht. Het
    antwoord is altijd hetzelfde: het zegt niet of er een sleutel in stond, en of die bestond. Alleen een nummer (SL-…)
    is niet genoeg. Meer sleutels van dezelfde plek zet u in dezelfde tekst, hoogstens 100.
    """
    try:
        report(access.actor(), found.sleutel, found.gevonden_op or "")
    except Invalid as error:
        if error.code != WITHOUT_KEY:
            raise
    return Dank(melding=THANKS)
