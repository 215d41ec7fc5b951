"""Events about the trail itself."""

from keyservice.audit.catalogue import define

VERIFIED = define("audit:verify", "Het logboek is gecontroleerd.", fields="size root state faults first")
RESTORE_ACCEPTED = define(
    "audit:accept-restore",
    "Twee mensen hebben besloten: het systeem gaat verder met een oudere database.",
    fields="size root published first suspended revoked",
)
