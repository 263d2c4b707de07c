// Asking the server. Every call that writes says so in a header that a foreign page cannot set, and a session that
// the server has forgotten (it was started anew) is entered again, once, with the token that the browser keeps.

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

const TOKEN = 'attune.token'

// A network that is gone may keep a request for minutes without a word; what is sent again is kept once.
const PATIENCE = 20_000

/** The secret part of this browser's personal link, if it was opened here. */
export function token(): string | null {
  return localStorage.getItem(TOKEN)
}

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

/** Opens a session by a personal link's token, and keeps the token for the next time. */
export async function enter(secret: string): Promise<void> {
  const answer = await send('/api/enter', { token: secret })
  if (!answer.ok) throw await refusal(answer)
  localStorage.setItem(TOKEN, secret)
}

/** Ends the session here and forgets the token. */
export async function leave(): Promise<void> {
  localStorage.removeItem(TOKEN)
  await send('/api/leave', {}).catch(() => undefined)
}

async function call(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let answer = await send(path, body, signal)
  const secret = token()
  if (answer.status === 401 && secret !== null) {
    await enter(secret)
    answer = await send(path, body, signal)
  }
  if (!answer.ok) throw await refusal(answer)
  return answer
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
