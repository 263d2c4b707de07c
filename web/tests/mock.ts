// A server in memory that speaks as `attune serve` does, for tests of the pages alone: with people, leases, undo, gold
// in training, runs that grow, and faults on demand. What it has acknowledged survives `kill`, sessions do not.
import { createReadStream, existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { Answer, Disagreement, Given, Hint, Item, Quality, Settings } from '../src/lib/types'
import { MockRuns } from './mock-runs'

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export interface Comparison {
  query: string
  responses: string[]
  training?: { answer: Answer; why: string }
  hints?: Hint[]
}

export interface Judgement extends Given {
  person: string
}

interface Person {
  name: string
  role: 'labeler' | 'researcher'
  excluded: boolean
  /** Comparisons in the order of their first answers. */
  done: number[]
}

export const SETTINGS: Settings = {
  title: 'Which summary is better?',
  instructions: '',
  mode: 'pair',
  ties: true,
  naive: false,
  confidence: false,
  strength: false,
  notes: true,
  hints: 'off',
  scale: [1, 7],
  abstain_reasons: ['I do not understand the text', 'Both are wrong'],
}

export class Mock {
  readonly judgements: Judgement[] = []
  readonly tokens = new Map<string, Person>()
  readonly runs = new MockRuns()
  /** Of the next answers: `busy` is not read, `lost` is kept, and its acknowledgement does not arrive. */
  faults: ('busy' | 'lost')[] = []
  quality: Quality | null = null
  disagreements: Disagreement[] = []
  decided: { key: string; answer: Answer }[] = []
  excluded: { name: string; excluded: boolean; why: string }[] = []
  revoked: string[] = []
  /** How often somebody came to the door. */
  knocks = 0
  #sessions = new Map<string, Person>()
  #leases = new Map<number, string>()
  #server: Server | null = null
  #sockets = new Set<Socket>()
  #port = 0

  constructor(
    readonly comparisons: Comparison[],
    readonly settings: Settings = SETTINGS,
    readonly dist = fileURLToPath(new URL('../dist', import.meta.url)),
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** The path of a personal link. */
  invite(name: string, role: Person['role'] = 'labeler'): string {
    const token = `token-of-${name}-${this.tokens.size}`
    this.tokens.set(token, { name, role, excluded: false, done: [] })
    return `/enter#${encodeURIComponent(token)}`
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((done, failed) => {
      server.once('error', failed)
      server.listen(this.#port, '127.0.0.1', done)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  /** Ends at once, as by `kill -9`. */
  async kill(): Promise<void> {
    const server = this.#server
    this.#server = null
    this.#sessions.clear()
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((done) => (server ? server.close(() => done()) : done()))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    response.setHeader('content-security-policy', POLICY)
    response.setHeader('x-content-type-options', 'nosniff')
    if (!url.pathname.startsWith('/api/')) return this.#file(url.pathname, response)
    const body = request.method === 'POST' ? await read(request) : null
    if (body !== null && request.headers['x-attune'] !== '1') return refuse(response, 403, 'the header x-attune is missing')
    if (url.pathname === '/api/enter') this.knocks += 1
    if (url.pathname === '/api/enter') return this.#enter((body as { token: string }).token, response)
    const person = this.#sessions.get(/attune=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '')
    if (!person) return refuse(response, 401, 'you are not entered')
    if (url.pathname === '/api/leave') return void response.writeHead(204).end()
    if (url.pathname === '/api/me')
      return json(response, { name: person.name, role: person.role, label: person.name !== 'host', store: true, room: 'a1b2c3d4', runs: this.runs.list().length })
    if (url.pathname.startsWith('/api/label/')) return this.#label(url, body, person, response)
    if (person.role !== 'researcher') return refuse(response, 403, 'this is for researchers')
    if (url.pathname.startsWith('/api/runs')) return this.runs.answer(url, response)
    return this.#people(url, body, response)
  }

  #file(path: string, response: ServerResponse): void {
    const asset = path.startsWith('/assets/')
    const file = join(this.dist, asset ? normalize(path) : 'index.html')
    if (!existsSync(file)) return refuse(response, 404, 'there is no such file')
    const kinds: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
    response.setHeader('content-type', kinds[extname(file)] ?? 'application/octet-stream')
    if (asset) response.setHeader('cache-control', 'public, max-age=31536000, immutable')
    createReadStream(file).pipe(response)
  }

  #enter(token: string, response: ServerResponse): void {
    const person = this.tokens.get(token)
    if (!person) return refuse(response, 401, 'this link opens nothing')
    const session = Math.random().toString(36).slice(2)
    this.#sessions.set(session, person)
    response.setHeader('set-cookie', `attune=${session}; HttpOnly; SameSite=Strict; Path=/`)
    response.writeHead(204).end()
  }

  #label(url: URL, body: unknown, person: Person, response: ServerResponse): void {
    switch (url.pathname) {
      case '/api/label/settings':
        return json(response, this.settings)
      case '/api/label/next':
        return json(response, this.#next(person))
      case '/api/label/back': {
        const at = person.done.at(-Number(url.searchParams.get('steps')))
        return json(response, { item: at === undefined ? null : this.#item(person, at) })
      }
      case '/api/label/keep':
        return json(response, { kept: true })
      case '/api/label/answer':
        return this.#take(body as Given, person, response)
      default:
        return refuse(response, 404, 'there is nothing here')
    }
  }

  #next(person: Person) {
    if (person.excluded) return { state: 'excluded' }
    const open = this.comparisons.map((_, at) => at).filter((at) => !this.#mine(at, person))
    const free = open.filter((at) => [undefined, person.name].includes(this.#leases.get(at)))
    const leased = free.find((at) => this.#leases.get(at) === person.name) ?? free[0]
    const training_left = open.filter((at) => this.comparisons[at]!.training).length
    const progress = { answered: person.done.length, waiting: free.length, training_left, can_undo: person.done.length > 0 }
    if (leased === undefined) return { state: 'wait', progress }
    this.#leases.set(leased, person.name)
    return { state: 'item', item: this.#item(person, leased), progress }
  }

  // Whoever has answered a comparison, nobody else is asked.
  #mine(at: number, person: Person): boolean {
    return person.done.includes(at) || [...this.tokens.values()].some((other) => other !== person && other.done.includes(at))
  }

  #item(person: Person, at: number): Item {
    const { query, responses, training, hints } = this.comparisons[at]!
    const earlier = this.judgements.findLast((one) => one.person === person.name && one.item === `c${at}`)?.answer ?? null
    const number = person.done.includes(at) ? person.done.indexOf(at) + 1 : person.done.length + 1
    const item: Item = { id: `c${at}`, query, responses, mode: this.settings.mode, hints: this.settings.hints === 'before' ? (hints ?? []) : null, earlier, number }
    return training && earlier === null ? { ...item, training: true } : item
  }

  #take(given: Given, person: Person, response: ServerResponse): void {
    const fault = this.faults.shift()
    if (fault === 'busy') return refuse(response, 503, 'the server is busy')
    const at = Number(given.item.slice(1))
    const { training, hints } = this.comparisons[at]!
    const first = !person.done.includes(at)
    if (!this.judgements.some(({ client }) => client === given.client)) {
      this.judgements.push({ ...given, person: person.name })
      if (first) person.done.push(at)
      this.#leases.delete(at)
    }
    if (fault === 'lost') return void response.destroy()
    const right = JSON.stringify(training?.answer) === JSON.stringify(given.answer)
    json(response, {
      kept: true,
      answered: person.done.length,
      ...(this.settings.hints === 'after' ? { hints: hints ?? [] } : {}),
      ...(training && first ? { feedback: { right, ...training } } : {}),
    })
  }

  #people(url: URL, body: unknown, response: ServerResponse): void {
    switch (url.pathname) {
      case '/api/people':
        return json(response, this.quality)
      case '/api/people/exclude': {
        const said = body as { name: string; excluded: boolean; why: string }
        this.excluded.push(said)
        const one = this.quality?.people.find(({ name }) => name === said.name)
        if (one) one.excluded = said.excluded
        return void response.writeHead(204).end()
      }
      case '/api/people/invite':
        return json(response, { link: this.url + this.invite((body as { name: string }).name) })
      case '/api/people/revoke': {
        const { name } = body as { name: string }
        this.revoked.push(name)
        const one = this.quality?.people.find((person) => person.name === name)
        if (one) one.link = false
        return void response.writeHead(204).end()
      }
      case '/api/people/disagreements':
        return json(response, this.disagreements)
      case '/api/people/adjudicate':
        this.decided.push(body as { key: string; answer: Answer })
        return void response.writeHead(204).end()
      case '/api/people/export':
        response.setHeader('x-attune-lost', JSON.stringify({ labels: this.judgements.length, lost: { time: 2 } }))
        return void response.end(this.judgements.map((one) => JSON.stringify(one)).join('\n'))
      default:
        return refuse(response, 404, 'there is nothing here')
    }
  }
}

async function read(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const part of request) text += String(part)
  return JSON.parse(text)
}

export function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(value))
}

export function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error, hint: 'open your personal link again' }))
}
