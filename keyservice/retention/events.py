"""Events of forgetting. They count; what was erased they cannot say."""

from keyservice.audit import define

PREVIEWED = define(
    "retention:preview",
    "Er is bekeken van welke persoonsgegevens de bewaartermijn voorbij is.",
    fields="due terms",
)
RUN = define("retention:run", "De bewaartermijnen zijn nagelopen.", fields="erased terms")
ERASED = define(
    "retention:erase", "Persoonsgegevens zijn gewist, omdat de bewaartermijn voorbij is.", fields="kind count"
)
