"""The leak intake for programs that look for keys: `POST /v1/gelekte-sleutels`, without a key of one's own."""

from typing import Any

from pydantic import Field, GetJsonSchemaHandler, RootModel, model_validator
from pydantic_core import CoreSchema

from keyservice.api import problems
from keyservice.api.fields import Fields
from keyservice.api.operation import operation
from keyservice.issuance.leaks import LONGEST_PLACE, MOST_KEYS, Find, report
from keyservice.web import access

LONGEST_TEXT = 100_000
THANKS = "Dank u. Als dit een geldige sleutel is, werkt hij nu niet meer."


class Vondst(Fields):
    """Een sleutel die iemand vond."""

    sleutel: str = Field(
        description="De gevonden sleutel, of een tekst waarin hij staat. Wij zoeken op `asl_[ap]_[0-9A-Za-z]{38}`.",
        min_length=1,
        max_length=LONGEST_TEXT,
        repr=False,
    )
    gevonden_op: str | None = Field(
        None,
        description="Waar u de sleutel vond, bijvoorbeeld het adres van een pagina. DUO leest dit.",
        max_length=LONGEST_PLACE,
        repr=False,
    )


class Vondsten(RootModel[list[Vondst]]):
    """Eén vondst, of een lijst van vondsten."""

    root: list[Vondst] = Field(min_length=1, max_length=MOST_KEYS)

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list_too(cls, sent: Any) -> Any:
        return [sent] if isinstance(sent, dict) else sent

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler.resolve_ref_schema(handler(core))
        return {"oneOf": [several["items"], {k: v for k, v in several.items() if k not in {"title", "description"}}]}


class Dank(Fields):
    """Het antwoord: altijd hetzelfde, of de sleutel bestaat of niet."""

    melding: str = Field(description="Wat er is gebeurd.", examples=[THANKS])


@operation(
    "POST", "/gelekte-sleutels", scheme=None, tag="Gelekte sleutels", answer=Dank, json=Vondsten,
    can_go_wrong=(problems.INPUT,),
)  # fmt: skip
def gelekte_sleutels(finds: Vondsten) -> Dank:
    """Meld een of meer gevonden sleutels.

    Elke geldige sleutel in de melding werkt meteen niet meer. De gemeente van de sleutel en DUO krijgen bericht. Het
    antwoord zegt niet of de sleutel bestond. Alleen een nummer (SL-…) is niet genoeg. Staat er in geen enkele vondst
    een hele sleutel met een kloppend controlegetal, dan krijgt u een probleem terug.
    """
    report(access.actor(), [Find(one.sleutel, one.gevonden_op or "") for one in finds.root])
    return Dank(melding=THANKS)
