// How long a comparison has been looked at: time in which the page was hidden does not count.

export class Clock {
  #before: number
  #since: number | null = null

  /** `before` is what was measured already, before the page was loaded again. */
  constructor(
    before = 0,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#before = before
  }

  /** The comparison is seen from now on. */
  start(): void {
    this.#since ??= this.now()
  }

  /** It is not seen any more. */
  stop(): void {
    this.#before = this.ms()
    this.#since = null
  }

  /** Milliseconds in which it was seen. */
  ms(): number {
    return this.#before + (this.#since === null ? 0 : this.now() - this.#since)
  }
}
