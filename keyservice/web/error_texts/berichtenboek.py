"""What a page says when something cannot be done with the berichtenboek."""

TEXTS: dict[str, tuple[str, str]] = {
    "berichtenboek-asked-already": (
        "Dit is al aangevraagd",
        "De ontvanger heeft het berichtenboek al, of wacht erop. Kijk op de pagina 'Berichtenboek'.",
    ),
    "berichtenboek-too-many": (
        "Uw gemeente heeft het al voor {most} leveranciers",
        "Stop eerst de toegang van een leverancier die het berichtenboek niet meer nodig heeft.",
    ),
    "berichtenboek-not-now": ("Dit kan nu niet meer", "De stand is intussen: {status}."),
    "berichtenboek-not-held": (
        "Uw gemeente heeft het berichtenboek nog niet",
        "Vraag het aan op de pagina 'Berichtenboek', of wacht tot uw relatiebeheerder het heeft uitgereikt.",
    ),
    "berichtenboek-link": (
        "Deze link werkt niet (meer)",
        "Een link werkt 30 dagen, en een nieuwe link vervangt de oude. Vraag de gemeente om een nieuwe link.",
    ),
}
