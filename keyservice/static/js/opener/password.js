// What somebody types as a password, and what may have been meant.

// As in kernel/passwords.py: 7 blocks of 4 characters without look-alikes, with hyphens between them.
const BLOCKS = /^(?:[2-9A-HJKMNP-Z]{4}){7}$/;

// The password in the form of ours, whatever the case, spaces and hyphens; null when it cannot be one of ours.
export function normalise(typed) {
  const bare = typed.replace(/[^\p{L}\p{N}]/gu, "").toUpperCase();
  return BLOCKS.test(bare) ? bare.match(/.{4}/g).join("-") : null;
}

// What to try, each once: our own form, then exactly what was typed, then that without what a copy brought along.
export function candidates(typed) {
  return [...new Set([normalise(typed), typed, typed.trim()])].filter(Boolean);
}
