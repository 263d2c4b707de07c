/**
 * A plugin as a component: the contract's exports, answered by the batch loops of the kinds. Only a component
 * imports this. It knows the contract's records and nothing about what a plugin does.
 */

import * as hostLog from "attune:plugin/log@0.1.0";
import * as hostProgress from "attune:plugin/progress@0.1.0";
import * as hostTokenizer from "attune:plugin/tokenizer@0.1.0";

import "./confine.js";
import { BadBatch } from "./columns.js";
import { explain } from "./explain.js";
import { host } from "./host.js";
import * as labeler from "./labeler.js";
import { build, describe } from "./plugin.js";
import { Problems } from "./problems.js";
import * as shaper from "./shaper.js";
import * as task from "./task.js";

/** Who answers when a call has come. While the plugin is imported nobody is there: lines of the log are dropped. */
const HOST = {
  write: hostLog.write,
  atRow: hostProgress.row,
  encode: hostTokenizer.encode,
  decode: hostTokenizer.decode,
  vocabSize: hostTokenizer.vocabSize,
};
host.write = () => {};

const KINDS = {
  task: [task.Task, ["layout", "queries", "finish", "evaluate", "baselines"], task],
  labeler: [labeler.Labeler, ["judge", "annotate"], labeler],
  shaper: [shaper.Shaper, ["shape"], shaper],
};

let instance = null;

/** The exports of a component whose module is `module`; `about` is what package.json says of it. */
export function exported(module, about) {
  const [Kind, calls, answers] = KINDS[about.kind];
  const made = module.default;
  if (typeof made !== "function" || !(made.prototype instanceof Kind)) {
    const wanted = `export default class … extends ${Kind.name}`;
    throw new TypeError(`${about.file} has no default export that extends ${Kind.name}: write \`${wanted}\``);
  }
  const description = describe(made, about);
  const configure = guarded((settings, assets) => {
    if (instance !== null) throw new BadBatch("configured twice");
    instance = build(made, settings, assets);
  });
  const call = (name) => guarded((...given) => {
    if (instance === null) throw new BadBatch("called before configure");
    return answers[name](instance, ...given);
  });
  return {
    plugin: { describe: () => description, configure },
    calls: Object.fromEntries(calls.map((name) => [name, call(name)])),
  };
}

/**
 * The call with everything that it throws turned into the contract's error, since what else leaves a component
 * ends it without a word.
 */
function guarded(call) {
  return (...given) => {
    Object.assign(host, HOST);
    try {
      return call(...given);
    } catch (error) {
      throw problem(error);
    }
  };
}

function problem(error) {
  if (error instanceof Problems) {
    const sound = (text) => String(text).toWellFormed();
    const problems = error.found.map(({ path, message }) => ({ path: sound(path), message: sound(message) }));
    return { tag: "config", val: problems };
  }
  if (error instanceof BadBatch) return { tag: "input", val: error.message };
  return { tag: "internal", val: explain(error).toWellFormed() };
}
