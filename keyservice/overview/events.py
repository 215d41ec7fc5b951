"""The one event of these pages: what an auditor takes out of the house."""

from keyservice.audit import define

SEARCH_EXPORTED = define(
    "audit:export-search", "Een zoekresultaat uit het logboek is gedownload.", fields="filter count cut"
)
