"""Front pages, dossier, time lines, the auditor's search and the bundle: reads everything, writes one event only."""
