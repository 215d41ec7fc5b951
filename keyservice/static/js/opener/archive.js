// Reads a zip with AES encryption, in this browser and nowhere else. Nothing of an entry is given away before all of
// the zip is decrypted and each seal (HMAC) is checked.
import {
  ERR_BAD_FORMAT,
  ERR_EOCDR_NOT_FOUND,
  ERR_INVALID_PASSWORD,
  ERR_UNSUPPORTED_COMPRESSION,
  ERR_UNSUPPORTED_ENCRYPTION,
  ZipReader,
} from "@zip.js/zip.js/lib/zip-core-reader.js";
import { Fault, LIMIT_MB } from "./faults.js";

const LIMIT = LIMIT_MB * 1024 * 1024;
// No workers: their script would need a hole in the content security policy.
const OPTIONS = { useWebWorkers: false, checkAuthenticationCode: true, checkOverlappingEntry: true };
const CODES = {
  [ERR_INVALID_PASSWORD]: "wrong-password",
  [ERR_UNSUPPORTED_COMPRESSION]: "other-compression",
  [ERR_UNSUPPORTED_ENCRYPTION]: "other-encryption",
};

// The entries of a zip that can be opened with a password; throws the Fault of a file that is no such zip.
export async function look(file) {
  if (file.size > LIMIT) throw new Fault("too-big");
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Fault("unreadable");
  });
  const entries = await list(bytes);
  const files = entries.filter((entry) => !entry.directory);
  // Some programs leave an empty file unencrypted: there is nothing in it to protect.
  if (!files.some((entry) => entry.encrypted) || files.some((entry) => !entry.encrypted && entry.uncompressedSize)) {
    throw new Fault("unprotected");
  }
  if (files.some((entry) => entry.zipCrypto)) throw new Fault("other-encryption");
  if (files.reduce((sum, entry) => sum + entry.uncompressedSize, 0) > LIMIT) throw new Fault("too-much");
  return files;
}

// The content of each entry, with the first of the passwords that fits; throws a Fault.
export async function open(entries, passwords) {
  const faults = [];
  for (const password of passwords) {
    try {
      return await unpack(entries, password);
    } catch (error) {
      faults.push(new Fault(CODES[error.message] ?? "damaged"));
    }
  }
  // One wrong password in 65536 passes the first check: what another password said of the zip counts for more.
  throw faults.find((fault) => fault.code !== "wrong-password") ?? faults[0];
}

async function list(bytes) {
  try {
    return await new ZipReader(new Blob([bytes]).stream(), OPTIONS).getEntries();
  } catch (error) {
    const cutOff = startsAsZip(bytes) || ![ERR_BAD_FORMAT, ERR_EOCDR_NOT_FOUND].includes(error.message);
    throw new Fault(cutOff ? "damaged" : "not-a-zip");
  }
}

function startsAsZip(bytes) {
  return new TextDecoder("latin1").decode(bytes.slice(0, 4)) === "PK\x03\x04";
}

async function unpack(entries, password) {
  const found = [];
  let room = LIMIT;
  for (const entry of entries) {
    const chunks = [];
    // A header that says too small a size must not fill the memory.
    const collect = new WritableStream({
      write(chunk) {
        room -= chunk.length;
        if (room < 0) throw new Error("more than the headers say");
        chunks.push(chunk);
      },
    });
    await entry.getData(collect, { password });
    found.push({ name: entry.filename, bytes: await new Blob(chunks).arrayBuffer() });
  }
  return found;
}
