"""Events of the portaal. A person is a random number in them; what was registered stands in no event."""

from keyservice.audit import define

LOADED = define(
    "portaal:load", "De gegevens van inburgeraars zijn bijgewerkt.", fields="added changed unchanged refused"
)
REGISTERED = define(
    "inburgeraar:register", "Een participatieverklaring is vastgelegd.", fields="registration number sleutel"
)
CORRECTED = define(
    "inburgeraar:correct",
    "Een vastgelegde participatieverklaring is verbeterd.",
    fields="registration number sleutel",
    private="reason",
)
WITHDRAWN = define(
    "inburgeraar:withdraw",
    "Een vastgelegde participatieverklaring is ingetrokken.",
    fields="registration number sleutel",
    private="reason",
)
BSN_SHOWN = define("inburgeraar:show-bsn", "Het BSN van een inburgeraar is getoond.")
EXPORTED = define("inburgeraar:export", "De gegevens van een inburgeraar zijn verstrekt.")
