"""Front pages, dossier, time lines and the auditor's search: reads everything, writes nothing."""
