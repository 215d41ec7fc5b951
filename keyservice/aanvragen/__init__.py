"""The form Aanvraag Applicatiesleutel and its workflow, from draft to approval."""
