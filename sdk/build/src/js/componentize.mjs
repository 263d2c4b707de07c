// Makes a component of a plugin's staged modules. attune-build runs it, with the folder of the stage as its
// argument; what it says on standard error is what the author reads.
//
// The stage holds request.json, plugin.wit and app/ with the plugin's modules and the SDK.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const CALLS = { task: "taskPlugin", labeler: "labelerPlugin", shaper: "shaperPlugin" };

const stage = process.argv[2];
const { about, tool } = JSON.parse(readFileSync(join(stage, "request.json"), "utf8"));
const { componentize } = createRequire(join(tool, "_.js"))("componentize-qjs");

// The SDK comes first: it takes away what a component has not, before the plugin could keep it.
const entry = `import { exported } from "./node_modules/attune-sdk/src/guest.js";
import * as module from ${JSON.stringify(`./${about.file}`)};
const made = exported(module, ${JSON.stringify(about)});
export const plugin = made.plugin;
export const ${CALLS[about.kind]} = made.calls;
`;
const app = join(stage, "app");
const jsPath = join(app, "attune-entry.js");
writeFileSync(jsPath, entry);

/** What went wrong, without the ways of the tool: the error, and places in the plugin's own modules. */
function told(text) {
  return text
    .replace(/^: Failed to evaluate user JavaScript module: .*?: Error: /s, "")
    .replaceAll(`${app}/`, "")
    .replaceAll("/node_modules/attune-sdk/src/index.js", "attune-sdk")
    .split("\n")
    .filter((line) => !/^\s*at .*\/(node_modules\/attune-sdk|attune-entry\.js)/.test(line))
    .map((line) => line.replace(/^(\s*at .*?)(\(?)\//, "$1$2"))
    .join("\n")
    .trim();
}

try {
  const { component } = await componentize({
    witPath: join(stage, "plugin.wit"),
    jsSource: entry,
    jsPath,
    moduleRoot: app,
    world: about.kind,
    stubWasi: true,
    sync: true,
  });
  writeFileSync(join(stage, "component.wasm"), component);
} catch (error) {
  console.error(told(String(error?.message ?? error)));
  process.exitCode = 1;
}
