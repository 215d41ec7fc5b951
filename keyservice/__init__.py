"""Sleuteluitgifte: from the form Aanvraag Applicatiesleutel to a working key."""
