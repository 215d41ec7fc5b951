// Between the forms of this site and the passkeys of the browser. Where there are none, the forms stay hidden.
for (const place of document.querySelectorAll("[data-passkey]")) {
  if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    place.hidden = false;
    document.querySelectorAll("[data-passkey-absent]").forEach((note) => (note.hidden = true));
    place.querySelector("form").addEventListener("submit", (event) => answer(event, place));
  }
}

async function answer(event, place) {
  const form = event.currentTarget;
  const fault = place.querySelector("[data-passkey-fault]");
  // An empty name is a fault that the server tells, in the same words as in every form.
  if (form.elements.naam?.value.trim() === "") return;
  event.preventDefault();
  fault.hidden = true;
  try {
    const credential = await ask(JSON.parse(form.dataset.question));
    form.querySelector("[data-passkey-answer]").value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch {
    fault.hidden = false;
  }
}

// A question that names a user is one for a new passkey.
function ask(question) {
  return question.user
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(question) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question) });
}
