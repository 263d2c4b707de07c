/**
 * Randomness that depends on the run's seed and a row's id alone, so that a batch split never changes an
 * answer: the same stream as that of the Rust SDK. It does not know what a row is.
 */

const wrapped = (value) => BigInt.asUintN(64, value);

/** A small generator (SplitMix64). Get one from a row: `row.rng()`. */
export class Rng {
  #state;

  /** @param {bigint} state */
  constructor(state) {
    this.#state = wrapped(state);
  }

  /**
   * The generator of row `id` in a call with `seed`. A number above 2^53 has lost its last bits.
   *
   * @param {number | bigint} seed
   * @param {number | bigint} id
   */
  static forRow(seed, id) {
    // One round first: neighbouring ids must not give neighbouring streams.
    return new Rng(new Rng(BigInt(seed) ^ BigInt(id)).nextU64());
  }

  /** 64 random bits. @returns {bigint} */
  nextU64() {
    this.#state = wrapped(this.#state + 0x9e3779b97f4a7c15n);
    let z = this.#state;
    z = wrapped((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrapped((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }

  /** Uniform in [0, 1), with 53 random bits. */
  unit() {
    return Number(this.nextU64() >> 11n) / 2 ** 53;
  }

  /** A whole number, uniform from 0 to below `bound`; 0 for a bound of 0. @param {number} bound */
  below(bound) {
    return Number((this.nextU64() * BigInt(bound)) >> 64n);
  }
}
