// What tabs of one browser have between them: the storage, a lock, and news of what was sent.
import { post } from './api'
import type { News, World } from './outbox'
import type { Taken } from './types'

/** The world of an outbox in a browser; `heard` is called with what other tabs tell. */
export function world(heard: (news: News) => void): World & { close: () => void } {
  const channel = new BroadcastChannel('attune.outbox')
  channel.onmessage = (event: MessageEvent<News>) => heard(event.data)
  // What waits is sent after the page was left, too; then there is nobody to tell.
  let open = true
  return {
    storage: localStorage,
    now: () => Date.now(),
    send: (given) => post<Taken>('/api/label/answer', given),
    alone,
    tell: (news) => void (open && channel.postMessage(news)),
    later: (work, ms) => void setTimeout(work, ms),
    close: () => {
      open = false
      channel.close()
    },
  }
}

// Without TLS at other addresses than loopback a browser has no locks: two tabs may then send the same answer, which
// the server keeps once.
let here: Promise<unknown> = Promise.resolve()

async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return await navigator.locks.request(name, work)
  const done = here.then(work, work)
  here = done.catch(() => undefined)
  return done
}
