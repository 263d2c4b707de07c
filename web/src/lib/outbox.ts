// Answers on their way to the server. Each is written into the browser's storage before it is sent, under a key of its
// own, so that two tabs never write the same one; it leaves the storage when the server has said that it is on the
// disk. One tab at a time sends, in order. An answer that is sent again has the same `client`, and the server keeps it
// once.
import { Refusal } from './api'
import type { Given, Taken } from './types'

/** What is asked of `localStorage`. */
export type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>

/** The world outside, so that tests have one of their own. */
export interface World {
  storage: Storage
  now: () => number
  send: (given: Given) => Promise<Taken>
  /** Runs `work` while no other tab does. */
  alone: <T>(name: string, work: () => Promise<T>) => Promise<T>
  /** Tells other tabs; each calls `heard` with what it is told. */
  tell: (news: News) => void
  later: (work: () => void, ms: number) => void
}

/** What tabs tell each other. */
export interface News {
  person: string
  client: string
  item: string
  taken: Taken | null
  /** Why the server refused it for good. */
  refused?: string
}

export interface State {
  /** Answers that the server has not acknowledged. */
  waiting: number
  /** Whether the last try failed, so that it will be tried again by itself. */
  stuck: boolean
  /** Why the last try failed. */
  trouble: string
}

const ROOT = 'attune.outbox'
const SLOWEST = 15_000

/** The key of an answer; keys of one person sort in the order in which the answers were given. */
export function keyOf(person: string, order: number, client: string): string {
  return `${ROOT}.${encodeURIComponent(person)}.${String(order).padStart(16, '0')}.${client}`
}

/** Waiting time before try `n`, from 0. */
export function pause(n: number): number {
  return Math.min(SLOWEST, 500 * 2 ** Math.min(n, 10))
}

export class Outbox {
  #tries = 0
  #timer = false
  #trouble = ''
  // Where the browser's storage is full or forbidden an answer waits here, and is lost with the tab.
  readonly #memory = new Map<string, string>()
  readonly #watched = new Map<string, (news: News) => void>()

  constructor(
    readonly person: string,
    private readonly world: World,
    private readonly changed: (state: State) => void = () => undefined,
    private readonly kept: (news: News) => void = () => undefined,
  ) {}

  /** Keys of answers that wait, oldest first. */
  keys(): string[] {
    const mine = `${ROOT}.${encodeURIComponent(this.person)}.`
    const { storage } = this.world
    const found = [...this.#memory.keys()]
    for (let at = 0; at < storage.length; at += 1) {
      const key = storage.key(at)
      if (key?.startsWith(mine)) found.push(key)
    }
    return found.sort()
  }

  /** Whether an answer to `item` is on its way. */
  has(item: string): boolean {
    return this.keys().some((key) => this.#read(key)?.item === item)
  }

  /** Keeps `given` in the browser and sends it; the promise ends when it is on the server's disk, or refused. */
  put(given: Given): Promise<News> {
    const last = this.keys().at(-1)
    const after = last === undefined ? 0 : Number(last.split('.').at(-2)) + 1
    const key = keyOf(this.person, Math.max(this.world.now(), after), given.client)
    try {
      this.world.storage.setItem(key, JSON.stringify(given))
    } catch {
      this.#memory.set(key, JSON.stringify(given))
    }
    const news = new Promise<News>((done) => this.#watched.set(given.client, done))
    void this.flush()
    return news
  }

  /** Sends what waits, unless another tab does so already. */
  async flush(): Promise<void> {
    this.#report()
    await this.world.alone(`${ROOT}.${this.person}`, async () => {
      for (const key of this.keys()) {
        const given = this.#read(key)
        if (given !== null && !(await this.#send(key, given))) return
        if (given === null) this.#drop(key)
      }
    })
    this.#settle()
    this.#report()
  }

  /** Another tab has told something. */
  heard(news: News): void {
    if (news.person !== this.person) return
    this.#ends(news)
    this.#report()
  }

  async #send(key: string, given: Given): Promise<boolean> {
    const about = { person: this.person, client: given.client, item: given.item }
    try {
      const taken = await this.world.send(given)
      this.#drop(key)
      this.#ends({ ...about, taken }, true)
    } catch (error) {
      const refused = error instanceof Refusal && !error.passing && error.status !== 401
      this.#trouble = error instanceof Error ? error.message : String(error)
      if (!refused) {
        this.#again()
        return false
      }
      this.#drop(key)
      this.#ends({ ...about, taken: null, refused: this.#trouble }, true)
    }
    this.#tries = 0
    this.#trouble = ''
    this.#report()
    return true
  }

  #ends(news: News, tell = false): void {
    if (tell) this.world.tell(news)
    const done = this.#watched.get(news.client)
    this.#watched.delete(news.client)
    this.kept(news)
    done?.(news)
  }

  // An answer of ours that another tab sent, and whose news did not come: it is kept, and no more is known of it.
  #settle(): void {
    const waiting = new Set(this.keys().map((key) => key.split('.').at(-1)))
    for (const client of [...this.#watched.keys()]) {
      if (waiting.has(client)) continue
      this.world.later(() => {
        if (!this.#watched.has(client)) return
        this.#ends({ person: this.person, client, item: '', taken: { kept: true, answered: 0 } })
      }, 300)
    }
  }

  #again(): void {
    this.#report()
    if (this.#timer) return
    this.#timer = true
    this.world.later(() => {
      this.#timer = false
      void this.flush()
    }, pause(this.#tries))
    this.#tries += 1
  }

  #report(): void {
    this.changed({ waiting: this.keys().length, stuck: this.#trouble !== '', trouble: this.#trouble })
  }

  #read(key: string): Given | null {
    const text = this.#memory.get(key) ?? this.world.storage.getItem(key)
    try {
      return text === null ? null : (JSON.parse(text) as Given)
    } catch {
      return null
    }
  }

  #drop(key: string): void {
    this.#memory.delete(key)
    this.world.storage.removeItem(key)
  }
}
