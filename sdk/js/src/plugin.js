/**
 * What all kinds of plugin share: settings, assets, columns, metrics, and their description to the host. It does
 * not know the kinds.
 */

import { COLUMNS } from "./columns.js";
import { quoted } from "./explain.js";
import { Problems } from "./problems.js";
import { schema } from "./settings.js";
import * as text from "./text.js";

const SDK = "attune-sdk 0.1.0 (javascript)";

/** The files from the config. */
export class Assets {
  #files;

  constructor(files) {
    this.#files = new Map(files.map(({ name, data }) => [name, data]));
  }

  /** The bytes of an asset, if it was given. @param {string} name @returns {Uint8Array | undefined} */
  get(name) {
    return this.#files.get(name);
  }

  /** The text of an asset; a problem when it is missing. @param {string} name @returns {string} */
  text(name) {
    const data = this.#files.get(name);
    if (data === undefined) throw Problems.at(`assets/${name}`, "asset is missing");
    return text.decode(data);
  }
}

/** The part that every plugin has, whatever its kind. Extend `Task`, `Labeler` or `Shaper` instead. */
export class Plugin {
  /** Settings by name, made by `number`, `integer`, `string`, `boolean`, `choice`, `setting`. */
  static settings = {};
  /** Columns that the plugin reads, such as "responseText"; reading another one is an error. @type {string[]} */
  static columns = [];
  /** Files that the config may hand over, and what they are for: a text, or `{ help, required: false }`. */
  static assets = {};
  /** Numbers that the plugin reports for each row, and what they measure. @type {Record<string, string>} */
  static metrics = {};

  /** Columns that the kind always gets. */
  static always = [];

  /** The settings of the config, with their defaults. @type {any} */
  settings;

  /** Makes the plugin ready, once; throw `Problems` with every problem found. @param {Assets} assets */
  configure(assets) {}
}

/** The names of a plugin's columns. */
export const asked = (kind) => new Set([...kind.columns, ...kind.always]);

/** Refuses a class whose statics are not what they must be: a text has a length and letters, too. */
function check(kind) {
  for (const name of ["columns", "terms", "baselines"]) {
    const given = kind[name] ?? [];
    if (!Array.isArray(given) || given.some((one) => typeof one !== "string")) {
      throw new TypeError(`\`static ${name}\` is ${quoted(given)}; write an array of texts, such as ["one", "two"]`);
    }
  }
  for (const name of ["settings", "assets", "metrics"]) {
    const given = kind[name];
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw new TypeError(`\`static ${name}\` is ${quoted(given)}; write an object, such as { name: … }`);
    }
  }
}

/** What a plugin says of itself, in the contract's words. */
export function describe(kind, { name, version, summary }) {
  check(kind);
  const columns = asked(kind);
  for (const column of columns) {
    if (!COLUMNS.includes(column)) {
      throw new TypeError(`"${column}" in \`static columns\` is no column; known are ${COLUMNS.join(", ")}`);
    }
  }
  const asset = ([name, about]) => ({ name, required: true, ...(typeof about === "string" ? { help: about } : about) });
  return {
    name,
    version,
    summary,
    sdk: SDK,
    columns: Object.fromEntries(COLUMNS.map((column) => [column, columns.has(column)])),
    settingsSchema: JSON.stringify(schema(kind.settings)),
    assets: Object.entries(kind.assets).map(asset),
    metrics: Object.entries(kind.metrics).map(([name, help]) => ({ name, help })),
  };
}

/** Makes the plugin ready: its settings and itself are frozen, since nothing may be kept from one row to the next. */
export function build(kind, settings, assets) {
  const made = new kind();
  made.settings = frozen(JSON.parse(settings));
  const missing = new Problems();
  for (const [name, about] of Object.entries(kind.assets)) {
    const there = about.required === false || assets.some((asset) => asset.name === name);
    missing.require(there, `assets/${name}`, `asset is missing: ${about.help ?? about}`);
  }
  missing.done();
  made.configure(new Assets(assets));
  return Object.freeze(made);
}

function frozen(value) {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
