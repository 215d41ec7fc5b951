"""The one event of these pages: what is taken out of the house."""

from keyservice.audit import define

BUNDLE_TAKEN = define("audit:bundle", "Iemand heeft een dossier gedownload.", fields="events checkpoint")
