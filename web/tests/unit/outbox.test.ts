// The outbox against a world that fails on demand.
import { expect, test } from 'vitest'

import { Refusal } from '../../src/lib/api'
import { Outbox, keyOf, pause, type News, type World } from '../../src/lib/outbox'
import type { Given, Taken } from '../../src/lib/types'

class Memory {
  readonly map = new Map<string, string>()
  full = false
  get length() {
    return this.map.size
  }
  key(at: number) {
    return [...this.map.keys()][at] ?? null
  }
  getItem(key: string) {
    return this.map.get(key) ?? null
  }
  setItem(key: string, value: string) {
    if (this.full) throw new Error('QuotaExceededError')
    this.map.set(key, value)
  }
  removeItem(key: string) {
    this.map.delete(key)
  }
}

/** Tabs of one browser: one storage, one lock, and a server that fails as `failing` says. */
class Browser {
  readonly storage = new Memory()
  readonly sent: string[] = []
  readonly timers: { work: () => void; ms: number }[] = []
  failing: (Refusal | 'lost')[] = []
  time = 1000
  readonly boxes: Outbox[] = []
  #lock: Promise<unknown> = Promise.resolve()

  tab(person: string, kept: (news: News) => void = () => undefined): Outbox {
    const world: World = {
      storage: this.storage,
      now: () => this.time,
      send: (given) => this.#send(given),
      alone: (_, work) => {
        const done = this.#lock.then(work, work)
        this.#lock = done.catch(() => undefined)
        return done
      },
      tell: (news) => this.boxes.filter((other) => other !== box).forEach((other) => other.heard(structuredClone(news))),
      later: (work, ms) => void this.timers.push({ work, ms }),
    }
    const box: Outbox = new Outbox(person, world, undefined, kept)
    this.boxes.push(box)
    return box
  }

  async #send(given: Given): Promise<Taken> {
    await Promise.resolve()
    const failure = this.failing.shift()
    if (failure instanceof Refusal) throw failure
    this.sent.push(given.client)
    // The server has it, and its answer does not arrive.
    if (failure === 'lost') throw new Refusal(0, 'the server does not answer')
    return { kept: true, answered: this.sent.length }
  }

  /** Lets the next timer ring. */
  ring() {
    this.timers.shift()?.work()
  }
}

function given(client: string, item = `item ${client}`): Given {
  return { item, client, answer: { best: 0 }, shown_ms: 1, changes: 0, hints_shown: false }
}

async function settled() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

test('keys sort in the order in which answers were given', () => {
  const keys = [9, 10, 100, 99_999_999_999].map((order) => keyOf('ann', order, 'x'))
  expect([...keys].reverse().sort()).toEqual(keys)
  expect(keyOf('a.b', 1, 'x').split('.').length).toBe(keyOf('ab', 1, 'x').split('.').length + 1)
})

test('an answer is in the storage before it is sent, and leaves it when it is acknowledged', async () => {
  const browser = new Browser()
  const box = browser.tab('ann')
  const news = box.put(given('a'))
  expect(browser.storage.length).toBe(1)
  expect(browser.sent).toEqual([])
  expect((await news).taken?.kept).toBe(true)
  expect(browser.storage.length).toBe(0)
})

test('answers of one moment, or of a clock that goes back, are sent in order', async () => {
  const browser = new Browser()
  const box = browser.tab('ann')
  browser.failing = [new Refusal(503, 'busy')]
  const all = ['c', 'a', 'b'].map((client, at) => {
    browser.time = 1000 - at
    return box.put(given(client))
  })
  await settled()
  browser.ring()
  await Promise.all(all)
  expect(browser.sent).toEqual(['c', 'a', 'b'])
})

test('what is not acknowledged is sent again, later and later', async () => {
  const browser = new Browser()
  const box = browser.tab('ann')
  browser.failing = [new Refusal(0, 'no network'), 'lost', new Refusal(429, 'too many')]
  const news = box.put(given('a'))
  for (let n = 0; n < 3; n += 1) {
    await settled()
    expect(browser.timers.map(({ ms }) => ms)).toEqual([pause(n)])
    browser.ring()
  }
  expect((await news).taken).toEqual({ kept: true, answered: 2 })
  // The same name both times: the server keeps it once.
  expect(browser.sent).toEqual(['a', 'a'])
  expect([0, 1, 2, 20].map(pause)).toEqual([500, 1000, 2000, 15_000])
})

test('what the server refuses for good is told and does not block what follows', async () => {
  const browser = new Browser()
  const box = browser.tab('ann')
  browser.failing = [new Refusal(400, 'no such place')]
  const [a, b] = await Promise.all([box.put(given('a')), box.put(given('b'))])
  expect(a).toMatchObject({ taken: null, refused: 'no such place' })
  expect(b.taken?.kept).toBe(true)
  expect(browser.storage.length).toBe(0)
})

test('a session that is over keeps answers until somebody enters again', async () => {
  const browser = new Browser()
  const box = browser.tab('ann')
  browser.failing = [new Refusal(401, 'you are not entered')]
  const news = box.put(given('a'))
  await settled()
  expect(browser.storage.length).toBe(1)
  browser.ring()
  expect((await news).taken?.kept).toBe(true)
})

test('two tabs send each answer once, and both learn of it', async () => {
  const browser = new Browser()
  const heard: string[] = []
  const [one, two] = [browser.tab('ann'), browser.tab('ann', ({ client }) => heard.push(client))]
  const [a] = await Promise.all([one.put(given('a')), two.flush(), two.flush()])
  expect(browser.sent).toEqual(['a'])
  expect(a.taken?.kept).toBe(true)
  expect(heard).toEqual(['a'])
})

test('what a tab left behind is sent by the next one, for the person who gave it', async () => {
  const browser = new Browser()
  browser.storage.setItem(keyOf('ann', 5, 'a'), JSON.stringify(given('a')))
  browser.storage.setItem(keyOf('ann', 6, 'broken'), '{')
  browser.storage.setItem('something else', 'x')
  await browser.tab('ben').flush()
  expect(browser.sent).toEqual([])
  const box = browser.tab('ann')
  expect(box.has('item a')).toBe(true)
  await box.flush()
  expect(browser.sent).toEqual(['a'])
  expect([...browser.storage.map.keys()]).toEqual(['something else'])
})

test('where the storage is full an answer is sent all the same', async () => {
  const browser = new Browser()
  browser.storage.full = true
  const box = browser.tab('ann')
  expect((await box.put(given('a'))).taken?.kept).toBe(true)
  expect(box.keys()).toEqual([])
})

test('an answer that another tab sent, and did not tell of, is kept', async () => {
  const browser = new Browser()
  const box = browser.tab('ann')
  browser.failing = [new Refusal(0, 'no network')]
  const news = box.put(given('a'))
  await settled()
  browser.storage.map.clear()
  browser.ring()
  await settled()
  browser.ring()
  expect((await news).taken?.kept).toBe(true)
})
