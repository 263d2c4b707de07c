/** An exception in words, with the places in the author's code that it came through. It knows nothing about rows. */

const MOST_FRAMES = 8;
const FRAME = /^\s*at (.*?) \(\/(.*?):(\d+)(?::\d+)?\)$/;
const OWN = /^(node_modules\/attune-sdk\/|attune-entry\.js)/;

/** An answer that is none: what is wrong with it is said in full, and where it came from is known. */
export class BadAnswer extends Error {}

/** `TypeError: no such word at app.js:12 in score, app.js:30 in judge`. */
export function explain(error) {
  if (error instanceof BadAnswer) return error.message;
  if (!(error instanceof Error)) return `\`${shown(error)}\` was thrown, which is no Error and has no place`;
  const places = placesOf(error);
  const cause = error.cause instanceof Error ? ` (because of ${named(error.cause)})` : "";
  return named(error) + (places.length > 0 ? ` at ${places.join(", ")}` : "") + cause;
}

function named(error) {
  return error.message ? `${error.name}: ${error.message}` : error.name;
}

/** Innermost first, each once; frames of the SDK only where there are no others. */
function placesOf(error) {
  const own = new Set();
  const others = new Set();
  for (const line of String(error.stack ?? "").split("\n")) {
    const [, name, file, number] = FRAME.exec(line) ?? [];
    if (file === undefined) continue;
    const place = `${file}:${number}` + (name && name !== "<anonymous>" ? ` in ${name}` : "");
    (OWN.test(file) ? others : own).add(place);
  }
  return [...(own.size > 0 ? own : others)].slice(0, MOST_FRAMES);
}

/** A value in a line, a text in quotes. */
export const quoted = (value) => (typeof value === "string" ? JSON.stringify(value) : shown(value));

/** A value in a line, as `console.log` writes it. */
export function shown(value) {
  if (value instanceof Error) return explain(value);
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value); // it holds itself, or a BigInt
  }
}
