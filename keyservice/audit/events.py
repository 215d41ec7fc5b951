"""Events about the trail itself."""

from keyservice.audit.catalogue import define

VERIFIED = define("audit:verify", "Het logboek is gecontroleerd.", fields="size root state faults first")
EXPORTED = define("audit:export", "Het logboek is geëxporteerd.", fields="form count texts")
RESTORE_PROPOSED = define(
    "audit:propose-restore", "Iemand wil verder met een oudere database.", fields="size root published"
)
RESTORE_ACCEPTED = define(
    "audit:accept-restore",
    "Twee mensen hebben besloten: het systeem gaat verder met een oudere database.",
    fields="size root published first suspended revoked",
)
SEARCH_EXPORTED = define(
    "audit:export-search", "Een zoekresultaat uit het logboek is gedownload.", fields="filter count cut"
)
BUNDLE_TAKEN = define("audit:bundle", "Iemand heeft een dossier gedownload.", fields="events checkpoint")
