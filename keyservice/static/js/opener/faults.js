// What can be wrong: at which field, and in which words.

export const LIMIT_MB = 10;

const FAULTS = {
  "no-file": ["bestand", "Kies het zipbestand dat u wilt openen."],
  "several-files": ["bestand", "Kies 1 bestand: het zipbestand."],
  unreadable: ["bestand", "De browser kan dit bestand niet lezen. Bewaar het op uw computer en kies het opnieuw."],
  "not-a-zip": ["bestand", "Dit is geen zipbestand. Kies een bestand met .zip aan het eind van de naam."],
  "too-big": ["bestand", `Dit bestand is te groot. Deze pagina opent zipbestanden tot ${LIMIT_MB} MB. Gebruik 7-Zip.`],
  "too-much": ["bestand", `De inhoud is te groot. Deze pagina opent een inhoud tot ${LIMIT_MB} MB. Gebruik 7-Zip.`],
  damaged: [
    "bestand",
    "Dit zipbestand is beschadigd of veranderd. Daarom ziet u de inhoud niet. Haal het zipbestand opnieuw op. " +
      "Lukt het dan nog niet? Bel uw relatiebeheerder.",
  ],
  unprotected: [
    "bestand",
    "Dit zipbestand is niet beveiligd met een wachtwoord. Zo sturen wij geen zipbestanden. " +
      "Verwacht u een sleutel? Bel dan uw relatiebeheerder.",
  ],
  "other-encryption": [
    "bestand",
    "Dit zipbestand is op een andere manier beveiligd dan de onze. Deze pagina opent alleen AES. Gebruik 7-Zip.",
  ],
  "other-compression": ["bestand", "Deze pagina kent de manier niet waarop dit bestand is ingepakt. Gebruik 7-Zip."],
  "no-password": ["wachtwoord", "Vul het wachtwoord van het zipbestand in."],
  "wrong-password": [
    "wachtwoord",
    "Dit wachtwoord past niet op dit zipbestand. Controleer alle letters en cijfers. In onze wachtwoorden staan geen " +
      "0, O, 1, I en L.",
  ],
};

export class Fault extends Error {
  constructor(code) {
    super(code);
    this.code = code;
    [this.field, this.text] = FAULTS[code];
  }
}
