// The page that opens a zip. The file, the password and what was inside stay in this page; "Wissen" or leaving it
// removes them. The same script serves the page on the site and the page as one file (web/opener.py).
import { look, open } from "./opener/archive.js";
import { Fault } from "./opener/faults.js";
import { candidates } from "./opener/password.js";
import { asText, spell, values } from "./opener/text.js";

const part = (name) => document.querySelector(`[data-opener-${name}]`);
const form = part("form");
const { bestand, wachtwoord } = form.elements;
const title = document.title;
const links = [];
let turn = 0;

if (window.DecompressionStream && Blob.prototype.arrayBuffer) {
  part("absent").hidden = true;
  form.hidden = false;
  form.addEventListener("submit", submit);
  part("clear").addEventListener("click", () => {
    clear();
    say("Alles is gewist.");
    bestand.focus();
  });
  window.addEventListener("pagehide", clear);
  acceptDrops();
}

async function submit(event) {
  event.preventDefault();
  const mine = ++turn;
  showFaults([]);
  const asked = await Promise.allSettled([chosen(), typed()]);
  const faults = asked.filter(({ status }) => status === "rejected").map(({ reason }) => reason);
  const [entries, passwords] = asked.map(({ value }) => value);
  const files = faults.length ? [] : await open(entries, passwords).catch((fault) => void faults.push(fault));
  if (mine !== turn) return; // cleared, or asked again, in the meantime
  if (faults.length) showFaults(faults);
  else showResult(files);
}

async function chosen() {
  const count = bestand.files.length;
  if (count !== 1) throw new Fault(count ? "several-files" : "no-file");
  return look(bestand.files[0]);
}

async function typed() {
  if (!wachtwoord.value.trim()) throw new Fault("no-password");
  return candidates(wachtwoord.value);
}

function clear() {
  turn++;
  form.reset();
  form.hidden = false;
  part("result").hidden = true;
  part("found").replaceChildren();
  links.splice(0).forEach((link) => URL.revokeObjectURL(link));
  showFaults([]);
  say("");
}

// For who listens; the eye sees it already.
function say(text) {
  part("status").textContent = text;
}

// Copies a template; `texts` fills its parts.
function make(name, texts = {}) {
  const piece = document.getElementById(`opener-${name}`).content.cloneNode(true);
  for (const [key, text] of Object.entries(texts)) piece.querySelector(`[data-${key}]`).textContent = text;
  return piece;
}

// Faults as the server tells them: a summary with the focus, and each at its field.
function showFaults(faults) {
  document.title = faults.length ? `Fout: ${title}` : title;
  for (const field of [bestand, wachtwoord]) {
    const fault = faults.find((one) => one.field === field.id);
    const message = document.getElementById(`${field.id}-fout`);
    message.hidden = !fault;
    message.querySelector("[data-text]").textContent = fault?.text ?? "";
    field.closest(".utrecht-form-field").classList.toggle("utrecht-form-field--invalid", Boolean(fault));
    field.classList.toggle("utrecht-textbox--invalid", Boolean(fault));
    field.setAttribute("aria-invalid", String(Boolean(fault)));
    field.setAttribute("aria-describedby", fault ? `${field.id}-hint ${field.id}-fout` : `${field.id}-hint`);
  }
  if (!faults.length) return part("summary").replaceChildren();
  const count = faults.length === 1 ? "Er is 1 veld" : `Er zijn ${faults.length} velden`;
  const summary = make("faults", { count: `${count} niet goed ingevuld` });
  const items = faults.map(({ field, text }) => {
    const item = make("fault", { text });
    item.querySelector("a").href = `#${field}`;
    return item;
  });
  summary.querySelector("ul").append(...items);
  part("summary").replaceChildren(summary);
  part("summary").firstElementChild.focus();
}

function showResult(files) {
  form.reset();
  form.hidden = true;
  part("found").replaceChildren(...files.flatMap(describe));
  part("result").hidden = false;
  part("result").querySelector("h2").focus();
  say(`${files.length === 1 ? "1 bestand" : `${files.length} bestanden`} geopend. De inhoud staat hieronder.`);
}

function describe({ name, bytes }) {
  const text = asText(bytes);
  if (text === null) return [download(name, bytes)];
  const apart = values(text).map(({ name: label, value }) => {
    const what = label[0].toUpperCase() + label.slice(1);
    const piece = make("value", { label: `Uw ${label}`, value, spoken: spell(value), what });
    const [shown, copied] = [piece.querySelector("[data-value]"), piece.querySelector("[data-copied]")];
    piece.querySelector("button").addEventListener("click", async () => {
      copied.textContent = (await copy(shown))
        ? "Gekopieerd. Plak het meteen, en kopieer daarna iets anders."
        : "Uw browser kopieert niet vanzelf. De tekst is gekozen: druk op Ctrl en C.";
    });
    return piece;
  });
  return [...apart, make("text", { name, text: text.trimEnd() })];
}

function download(name, bytes) {
  const piece = make("download", { name });
  const link = piece.querySelector("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name.split(/[\\/]/).pop();
  links.push(link.href);
  return piece;
}

// Some offices switch the clipboard of scripts off; then the old way, and else the person's own keys.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}

// A file may be dropped anywhere on the page: beside the field, the browser would leave the page and show the file.
function acceptDrops() {
  const field = bestand.closest(".utrecht-form-field");
  const mark = (on) => field.classList.toggle("ks-drop--over", on);
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    mark(!form.hidden);
  });
  document.addEventListener("dragleave", () => mark(false));
  document.addEventListener("drop", (event) => {
    mark(false);
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    if (!form.hidden) bestand.files = event.dataTransfer.files;
  });
}
