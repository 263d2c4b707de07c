/**
 * Settings: what a plugin says of each becomes the JSON Schema that users see. The host holds what a config
 * sets to it and fills in defaults before a plugin is asked. It knows no plugin.
 */

const BOUNDS = {
  minimum: "minimum",
  maximum: "maximum",
  above: "exclusiveMinimum",
  below: "exclusiveMaximum",
};

/** @typedef {{ minimum?: number, maximum?: number, above?: number, below?: number }} Bounds */

/**
 * A setting of any JSON Schema, with its default and what it means.
 *
 * @param {any} value
 * @param {string} help
 * @param {object} schema
 */
export function setting(value, help, schema) {
  if (value === undefined || typeof help !== "string") {
    throw new TypeError("a setting has a default and what it means: number(0.1, \"…\")");
  }
  return { description: help, ...schema, default: value };
}

/** @param {number} value @param {string} help @param {Bounds} bounds */
export const number = (value, help, bounds) =>
  bounded("number", Number.isFinite(value), value, help, bounds);

/** @param {number} value @param {string} help @param {Bounds} bounds */
export const integer = (value, help, bounds) =>
  bounded("integer", Number.isSafeInteger(value), value, help, bounds);

/** @param {string} value @param {string} help */
export const string = (value, help) => bounded("string", typeof value === "string", value, help);

/** @param {boolean} value @param {string} help */
export const boolean = (value, help) => bounded("boolean", typeof value === "boolean", value, help);

/** One of several texts. @param {string} value @param {string} help @param {string[]} choices */
export function choice(value, help, choices) {
  if (!Array.isArray(choices) || !choices.includes(value)) {
    throw new TypeError(`the default ${JSON.stringify(value)} is not among the choices`);
  }
  return setting(value, help, { type: "string", enum: choices });
}

function bounded(type, fits, value, help, bounds = {}) {
  if (!fits) throw new TypeError(`the default ${JSON.stringify(value)} is not of type ${type}`);
  const schema = { type };
  for (const [name, bound] of Object.entries(bounds)) {
    if (!(name in BOUNDS)) {
      throw new TypeError(`\`${name}\` bounds nothing; known are ${Object.keys(BOUNDS).join(", ")}`);
    }
    schema[BOUNDS[name]] = bound;
  }
  return setting(value, help, schema);
}

/** The JSON Schema of settings; unknown keys are refused. */
export function schema(settings) {
  for (const [name, about] of Object.entries(settings)) {
    if (typeof about !== "object" || about === null || !("default" in about)) {
      throw new TypeError(`setting \`${name}\` is not made by number(…), integer(…), string(…) or their like`);
    }
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: settings,
    additionalProperties: false,
  };
}
