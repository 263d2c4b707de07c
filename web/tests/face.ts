// A face to label at, for tests that hold for the mock and for the real server alike.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import type { Answer } from '../src/lib/types'
import { Mock } from './mock'

/** What is on the disk. */
export interface Kept {
  person: string
  query: string
  answer: Answer
}

export interface Face {
  readonly url: string
  /** The address of a personal link. */
  invite(name: string): Promise<string>
  start(): Promise<void>
  /** Ends the server at once, as by `kill -9`. */
  kill(): Promise<void>
  /** The latest answer to each comparison, and how many answers there are that nobody gave. */
  kept(): Promise<Kept[]>
  close(): Promise<void>
}

/** `count` comparisons of two responses; the real server where ATTUNE_BINARY and ATTUNE_STORE name one. */
export async function face(count: number): Promise<Face> {
  const { ATTUNE_BINARY: binary, ATTUNE_STORE: store } = process.env
  const made = binary && store ? new Real(binary, store) : new Pretended(count)
  await made.start()
  return made
}

class Pretended implements Face {
  readonly mock: Mock

  constructor(count: number) {
    this.mock = new Mock(
      Array.from({ length: count }, (_, at) => ({
        query: `Package ${at + 1} draws graphs.`,
        responses: [`It draws, number ${at + 1}.`, `It counts, number ${at + 1}.`],
      })),
    )
  }

  get url() {
    return this.mock.url
  }
  async invite(name: string) {
    return this.mock.url + this.mock.invite(name)
  }
  start() {
    return this.mock.start()
  }
  kill() {
    return this.mock.kill()
  }
  close() {
    return this.mock.kill()
  }

  async kept() {
    const latest = new Map<string, Kept>()
    for (const { person, item, answer } of this.mock.judgements) {
      latest.set(`${person} ${item}`, { person, query: this.mock.comparisons[Number(item.slice(1))]!.query, answer })
    }
    return [...latest.values()]
  }
}

class Real implements Face {
  url = ''
  #port = 0
  #server: ChildProcess | null = null
  readonly #folder = mkdtempSync(join(tmpdir(), 'attune-face-'))
  readonly #store = join(this.#folder, 'labels.db')
  readonly #rules: string[] = []

  constructor(
    readonly binary: string,
    store: string,
  ) {
    cpSync(store, this.#store)
    // Rules may lie beside it.
    const rules = join(dirname(store), 'people.toml')
    if (existsSync(rules)) {
      cpSync(rules, join(this.#folder, 'people.toml'))
      this.#rules = ['--people', join(this.#folder, 'people.toml')]
    }
  }

  async invite(name: string) {
    const said = execFileSync(this.binary, ['label', 'invite', name, '--store', this.#store], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const token = /#(\S+)/.exec(said)?.[1] ?? said.trim().split(/\s+/).at(-1)!
    return `${this.url}/enter#${token}`
  }

  async start() {
    if (this.#port === 0) this.#port = await free()
    this.url = `http://127.0.0.1:${this.#port}`
    const args = ['serve', '--store', this.#store, '--port', String(this.#port), ...this.#rules]
    this.#server = spawn(this.binary, args, { cwd: dirname(this.#store), stdio: 'ignore' })
    for (;;) {
      if (this.#server.exitCode !== null) throw new Error(`attune serve ended with ${this.#server.exitCode}`)
      const here = await fetch(`${this.url}/`).then((answer) => answer.ok, () => false)
      if (here) return
      await new Promise((done) => setTimeout(done, 20))
    }
  }

  async kill() {
    const server = this.#server
    this.#server = null
    if (server === null || server.exitCode !== null) return
    const ended = new Promise((done) => server.once('exit', done))
    server.kill('SIGKILL')
    await ended
  }

  async kept() {
    const said = execFileSync(this.binary, ['label', 'list', '--store', this.#store], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] })
    return said
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { comparison: { query: { text: string } }; answer: Answer; labeler: { person: string } })
      .map(({ comparison, answer, labeler }) => ({ person: labeler.person, query: comparison.query.text, answer }))
  }

  async close() {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function free(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
