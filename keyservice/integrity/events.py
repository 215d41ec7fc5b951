"""Events of stored state that no event explains."""

from keyservice.audit import define

MISMATCH = define(
    "audit:mismatch",
    "Opgeslagen gegevens volgen niet uit het logboek. Wat zij gaven, werkt niet meer.",
    fields="table row columns",
)
