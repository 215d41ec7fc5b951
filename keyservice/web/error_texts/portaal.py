"""What a page says when something cannot be done with an inburgeraar."""

TEXTS: dict[str, tuple[str, str]] = {
    "already-signed": (
        "De ondertekening is al vastgelegd",
        "Klopt er iets niet aan wat er staat? Verbeter het dan, of trek het in.",
    ),
    "registered-meanwhile": (
        "Er is intussen iets veranderd",
        (
            "Een collega, een ander tabblad of de machinekoppeling was u net voor. "
            "Met de knop 'Vorige' van uw browser ziet u weer wat u had ingevuld."
        ),
    ),
    "nothing-registered": ("Er is niets vastgelegd", "Misschien heeft een collega het intussen ingetrokken."),
}
