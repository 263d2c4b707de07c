/** Settings or assets that cannot be used. They know no plugin. */

/** Each problem with its place: a JSON pointer such as `/target`, or `assets/NAME`. */
export class Problems extends Error {
  /** @param {{ path: string, message: string }[]} found */
  constructor(found = []) {
    super();
    this.name = "Problems";
    this.found = found;
  }

  /** One problem. @param {string} path @param {string} message */
  static at(path, message) {
    return new Problems([{ path, message }]);
  }

  /**
   * Adds a problem at `path` unless `holds`.
   *
   * @param {boolean} holds
   * @param {string} path
   * @param {string} message
   */
  require(holds, path, message) {
    if (!holds) this.found.push({ path, message });
    return this;
  }

  /** Throws if there is a problem. */
  done() {
    if (this.found.length > 0) throw this;
  }

  get message() {
    return this.found.map(({ path, message }) => `${path}: ${message}`).join("; ");
  }
}
