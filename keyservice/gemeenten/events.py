"""Events of the register of gemeenten."""

from keyservice.audit import define

REGISTER_LOADED = define("gemeente:load", "Het register van gemeenten is bijgewerkt.", fields="changed")
PHONE_CHANGED = define(
    "gemeente:change-phone", "Het geregistreerde telefoonnummer van een gemeente is veranderd.", fields="phone"
)
ADDRESS_CHANGED = define(
    "gemeente:change-address", "Het geregistreerde postadres van een gemeente is veranderd.", fields="address"
)
