/** Text for the person who runs the training. `console.log` writes at level info as well. */

import { host } from "./host.js";

/** @param {"debug" | "info" | "warn" | "error"} level @param {string} message */
export function write(level, message) {
  // Half a character cannot cross to the host.
  host.write(level, String(message).toWellFormed());
}

/** Writes at level debug, which a run does not show. */
export const debug = (message) => write("debug", message);
/** Writes at level info. */
export const info = (message) => write("info", message);
/** Writes at level warn. */
export const warn = (message) => write("warn", message);
/** Writes at level error; it fails nothing. */
export const error = (message) => write("error", message);
