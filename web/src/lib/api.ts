// Asking the server. Every call that writes says so in a header that a foreign page cannot set, and a session that
// the server has forgotten (it was started anew) is entered again, once, with the token that the browser keeps.
import { forget, keep, token } from './token'

/** What the server refused, in its own words. `status` 0 is no answer at all. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint = '',
  ) {
    super(message)
  }

  /** Whether the same call may go through later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500
  }
}

// A network that is gone may keep a request for minutes without a word; what is sent again is kept once.
const PATIENCE = 20_000

async function send(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const writes = body !== undefined
  try {
    return await fetch(path, {
      method: writes ? 'POST' : 'GET',
      headers: writes ? { 'content-type': 'application/json', 'x-attune': '1' } : {},
      body: writes ? JSON.stringify(body) : undefined,
      credentials: 'same-origin',
      cache: 'no-store',
      signal: signal ?? AbortSignal.timeout(PATIENCE),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Refusal(0, 'the server does not answer', 'it may be stopped, or this device is offline')
  }
}

async function refusal(answer: Response): Promise<Refusal> {
  const said = (await answer.json().catch(() => null)) as { error?: string; hint?: string } | null
  return new Refusal(answer.status, said?.error ?? `the server answered ${answer.status}`, said?.hint ?? '')
}

// A browser has one session for all its tabs. Which link it is of stands in the storage, and a tab of another link enters
// by its own before it asks. Tabs of one link ask at the same time; while one enters, the others wait.
const ENTERED = 'attune.entered'
const LOCK = 'attune.session'

async function locked<T>(mode: LockMode, work: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request(LOCK, { mode }, work) : await work()
}

// A link that the server does not know. It is not tried again: a server bears few wrong tokens of one address, and others
// of this address may have right ones.
let dead: { secret: string; why: Refusal } | null = null
let estranged: (why: Refusal) => void = () => undefined

/** What is done where the server knows nobody by this tab's link any more. */
export function whenEstranged(work: (why: Refusal) => void): void {
  estranged = work
}

async function begin(secret: string): Promise<void> {
  localStorage.setItem(ENTERED, '')
  const answer = await send('/api/enter', { token: secret })
  if (!answer.ok) {
    const why = await refusal(answer)
    if (why.status === 401) {
      dead = { secret, why }
      estranged(why)
    }
    throw why
  }
  localStorage.setItem(ENTERED, secret)
}

/** Opens a session by a personal link, which this tab is of from now on. */
export async function enter(secret: string): Promise<void> {
  dead = null
  await locked('exclusive', () => begin(secret))
  keep(secret)
}

/** Ends the session and forgets the link. */
export async function leave(): Promise<void> {
  await locked('exclusive', async () => {
    await send('/api/leave', {}).catch(() => undefined)
    localStorage.setItem(ENTERED, '')
  })
  forget()
}

/** Runs `work` while the browser's session is of this tab's link; once more, entered anew, where the server has
 * forgotten it, since it was started anew. */
export async function entered<T extends { status: number }>(work: () => Promise<T>): Promise<T> {
  const secret = token()
  if (dead !== null && dead.secret === secret) throw dead.why
  const mine = () => secret === null || localStorage.getItem(ENTERED) === secret
  const first = await locked('shared', async () => (mine() ? await work() : null))
  if (first !== null && first.status !== 401) return first
  if (secret === null) return first ?? work()
  return locked('exclusive', async () => {
    if (dead !== null && dead.secret === secret) throw dead.why
    // Another call may have entered meanwhile.
    if (first === null && mine()) return work()
    await begin(secret)
    return work()
  })
}

async function call(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const answer = await entered(() => send(path, body, signal))
  if (!answer.ok) throw await refusal(answer)
  return answer
}

/** A stream of events, opened: what happens on it afterwards is the caller's. */
export function stream(path: string, prepare: (source: EventSource) => void): void {
  const opened = () =>
    new Promise<{ status: number }>((done) => {
      const source = new EventSource(path)
      prepare(source)
      // Open, refused, or closed by the caller meanwhile, of which no event tells; or without any answer.
      const since = performance.now()
      const look = setInterval(() => {
        if (source.readyState === EventSource.CONNECTING && performance.now() - since < PATIENCE) return
        clearInterval(look)
        done({ status: 200 })
      }, 50)
    })
  entered(opened).catch(() => undefined)
}

/** GET, as JSON. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await call(path, undefined, signal)).json()) as T
}

/** GET, with the headers. */
export function fetched(path: string): Promise<Response> {
  return call(path)
}

/** POST of JSON; the answer as JSON, or null where it has none. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await call(path, body)
  const text = await answer.text()
  return (text === '' ? null : JSON.parse(text)) as T
}
