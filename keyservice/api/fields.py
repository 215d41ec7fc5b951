"""What the fields of the API have in common, and what is said when one is wrong."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from keyservice.api.problems import INPUT
from keyservice.kernel.text import holds_secret
from keyservice.portaal import bsn_text
from keyservice.portaal.rules import TEXTS


class Fields(BaseModel):
    """The fields of a request or an answer: camelCase outside, nothing unknown, nothing converted."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", strict=True, frozen=True)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# A moment comes in with any offset and goes out in UTC (NL API Design Rules, /core/date-time/timezone).
Moment = Annotated[
    AwareDatetime,
    PlainSerializer(_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


EXAMPLE_RULE = "einde-voor-start"


class Fout(Fields):
    """Eén fout in de invoer."""

    veld: str = Field(
        description="Het veld, met punten tussen de delen; leeg als het over het geheel gaat.",
        examples=["eindeDeelname"],
    )
    code: str = Field(description="Waar een programma op kan letten; verandert niet.", examples=[EXAMPLE_RULE])
    melding: str = Field(description="Wat er mis is, voor mensen.", examples=[f"{TEXTS[EXAMPLE_RULE]}."])


# What comes back for a registration with two wrong fields.
EXAMPLE_PROBLEM: JsonDict = {
    "type": INPUT.type,
    "title": INPUT.title,
    "status": INPUT.status,
    "detail": INPUT.happened,
    "fouten": [
        {
            "veld": "registraties.0.startDeelname",
            "code": "geen-datum",
            "melding": "Dit moet een datum zijn, bijvoorbeeld 2026-11-25.",
        },
        {"veld": "registraties.0.bsn", "code": "verplicht", "melding": "Dit veld is verplicht."},
    ],
}


class Probleem(BaseModel):
    """Een probleem volgens RFC 9457."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_PROBLEM]})

    type: str = Field(
        description="Het soort probleem, en het adres van de pagina erover.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str = Field(description="Wat er is; altijd hetzelfde voor dit soort.")
    status: int = Field(description="De HTTP-status.")
    detail: str = Field(description="Wat er deze keer is.")
    fouten: list[Fout] = Field(
        default=[], description="Alle fouten in de invoer, als het daarover gaat; hoogstens 1.000."
    )
    sleutel: str = Field(default="", description="Het nummer van de sleutel, als die niet meer of nog niet werkt.")


# Per kind of fault of pydantic: the code, and the text with the values it gives.
_TEXTS = {
    "missing": ("verplicht", "Dit veld is verplicht."),
    "extra_forbidden": ("onbekend-veld", "Dit veld kennen wij niet."),
    "string_type": ("geen-tekst", "Dit moet een tekst zijn."),
    "string_too_short": ("te-kort", "Gebruik ten minste {min_length} tekens."),
    "string_too_long": ("te-lang", "Gebruik hoogstens {max_length} tekens."),
    "string_pattern_mismatch": ("verkeerde-vorm", "De tekst heeft niet de goede vorm."),
    "bool_type": ("geen-ja-of-nee", "Dit moet true of false zijn."),
    "int_type": ("geen-getal", "Dit moet een geheel getal zijn."),
    "greater_than_equal": ("te-klein", "Dit moet ten minste {ge} zijn."),
    "less_than_equal": ("te-groot", "Dit mag hoogstens {le} zijn."),
    "list_type": ("geen-lijst", "Dit moet een lijst zijn."),
    "too_short": ("te-weinig", "Geef er ten minste {min_length}."),
    "too_long": ("te-veel", "Geef er hoogstens {max_length}."),
    "literal_error": ("niet-in-lijst", "Kies een van: {expected}."),
    "enum": ("niet-in-lijst", "Kies een van: {expected}."),
    "timezone_aware": ("zonder-tijdzone", "Zet de tijdzone erbij, bijvoorbeeld Z of +01:00."),
    "model_type": ("geen-object", "Dit moet een object zijn."),
}
_BEGINNINGS = {
    "datetime_": ("geen-tijdstip", "Dit moet een tijdstip zijn, bijvoorbeeld 2026-11-25T14:00:00Z."),
    "date_": ("geen-datum", "Dit moet een datum zijn, bijvoorbeeld 2026-11-25."),
    "uuid_": ("geen-uuid", "Dit moet een UUID zijn."),
}
_OTHER = ("ongeldig", "De waarde klopt niet.")


def faults(error: ValidationError) -> list[Fout]:
    """Return all that is wrong with the input, in Dutch and without what was sent.

    A rule of our own is a `PydanticCustomError`, whose type is the code and whose message is for people.
    """
    return list(_faults(error.errors(include_url=False, include_input=False)))


def _faults(found: Any) -> Iterator[Fout]:
    for one in found:
        code, text = _text(one["type"], one["msg"])
        place = ".".join(str(part) for part in one["loc"])
        values = {name: str(value).replace(" or ", " of ") for name, value in one.get("ctx", {}).items()}
        yield Fout(veld=_shown(place), code=code, melding=text.format_map(values))


def came_twice(places: Iterable[str]) -> list[Fout]:
    """Return that fields came more than once."""
    return [Fout(veld=_shown(place), code="dubbel", melding="Geef dit veld één keer.") for place in places]


def _shown(place: str) -> str:
    # The name of a field that we do not know is what somebody sent.
    return "" if holds_secret(place) or bsn_text.stands_in(place) else place


def _text(kind: str, message: str) -> tuple[str, str]:
    if kind in _TEXTS:
        return _TEXTS[kind]
    for beginning, text in _BEGINNINGS.items():
        if kind.startswith(beginning):
            return text
    # Ours have dashes, those of pydantic underscores or one word.
    return (kind, message.replace("{", "{{").replace("}", "}}")) if "-" in kind else _OTHER
