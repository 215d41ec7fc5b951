// What lies in a file, for the eye and for the ear.

const DIGITS = ["nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"];
const SIGNS = { _: "laag streepje", ".": "punt" };

// The bytes as text with ends of lines as a page has them; null when they are no text (not UTF-8, or with signs that no text has).
export function asText(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? null : text.replace(/\r\n?/g, "\n");
  } catch {
    return null;
  }
}

// The values that stand alone under "Uw ...:", as in the files of issuance/contents.py and contacts/practice.py.
export function values(text) {
  return [...text.matchAll(/^Uw (.+):\n(\S+)$/gm)].map(([, name, value]) => ({ name, value }));
}

// A code character by character, in groups. Case is said only where it differs: a capital is then called one.
export function spell(code) {
  const mixed = /\p{Ll}/u.test(code) && /\p{Lu}/u.test(code);
  const say = (sign) => DIGITS[sign] ?? SIGNS[sign] ?? (mixed && /\p{Lu}/u.test(sign) ? `hoofdletter ${sign}` : sign);
  const groups = (part) => part.match(/.{1,4}/gsu) ?? [];
  return code
    .split("-")
    .map((part) => groups(part).map((group) => `${[...group].map(say).join(", ")}.`).join(" "))
    .join(" Streepje. ");
}
