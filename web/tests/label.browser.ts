// Labeling in a real browser: by keyboard alone, and with everything going wrong that goes wrong.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { face, type Face, type Kept } from './face'
import { browser, due, number, person, sound, type Watch } from './kit'

/** How many random moments something is broken in, all kinds together. */
const MOMENTS = Number(process.env.ATTUNE_MOMENTS ?? 100)

let chromium: Browser
let served: Face
let open: Watch[] = []

beforeAll(async () => {
  chromium = await browser()
})
afterAll(() => chromium.close())
afterEach(async () => {
  for (const { context } of open) await context.close()
  open = []
  await served.close()
})

async function enter(name: string, look = {}): Promise<Watch> {
  const watch = await person(chromium, served.url, look)
  open.push(watch)
  await watch.page.goto(await served.invite(name))
  await due(watch.page)
  return watch
}

/** The query on the page, and the text of the response with this digit. */
async function read(page: Page): Promise<string> {
  return page.locator('.query .text').innerText()
}

async function type(page: Page, digits: string): Promise<void> {
  for (const digit of digits) await page.keyboard.press(digit)
  await page.keyboard.press('Enter')
}

async function answer(page: Page, digits: string): Promise<string> {
  const at = await due(page)
  const query = await read(page)
  await type(page, digits)
  await due(page, at).catch(() => undefined)
  return query
}

/** Each comparison at most once, and all of `said` is there as it was said. */
function expectKept(kept: Kept[], said: Map<string, string>) {
  const queries = kept.map(({ query }) => query)
  expect(new Set(queries).size).toBe(queries.length)
  for (const [query, what] of said) {
    const found = kept.find((one) => one.query === query)
    expect(found, query).toBeDefined()
    if (what === '0') expect(found!.answer).toEqual({ tie: [0, 1] })
    else if (what === 'best') expect(Object.keys(found!.answer as object)).toEqual(['best'])
    else expect(found!.answer).toBe(what)
  }
}

test('a person labels by keyboard alone', async () => {
  served = await face(8)
  const ann = await enter('ann')
  const { page } = ann
  expect(page.url()).toBe(`${served.url}/label`)
  const said = new Map<string, string>()
  said.set(await answer(page, '1'), 'best')
  said.set(await answer(page, '2'), 'best')
  said.set(await answer(page, '0'), '0')
  let at = await due(page)
  said.set(await read(page), 'skip')
  await page.keyboard.press('s')
  at = await due(page, at)
  said.set(await read(page), 'abstain')
  await page.keyboard.press('a')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Enter')
  await due(page, at)
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await page.keyboard.press('Escape')
  await sound(ann)
  expectKept(await served.kept(), said)
})

test('undo goes over five answers, and redo comes back', async () => {
  served = await face(8)
  const { page } = await enter('ann')
  const queries: string[] = []
  for (const digit of ['1', '2', '1', '2', '1']) queries.push(await answer(page, digit))
  const head = await read(page)
  for (let steps = 1; steps <= 5; steps += 1) {
    await page.keyboard.press('u')
    await page.locator(`.desk[data-steps="${steps}"]`).waitFor()
    expect(await read(page)).toBe(queries[5 - steps])
  }
  // The first is a tie now; the others stay.
  await page.keyboard.press('0')
  await page.keyboard.press('Enter')
  await page.locator('.desk[data-steps="4"]').waitFor()
  for (let steps = 3; steps >= 0; steps -= 1) {
    await page.keyboard.press('r')
    await page.locator(`.desk[data-steps="${steps}"]`).waitFor()
  }
  await due(page)
  expect(await read(page)).toBe(head)
  const kept = await served.kept()
  expectKept(kept, new Map([[queries[0]!, '0'], ...queries.slice(1).map((query) => [query, 'best'] as [string, string])]))
  expect(kept.length).toBe(5)
})

test('two tabs of one person send each answer once', async () => {
  served = await face(12)
  const ann = await enter('ann')
  const other = await ann.context.newPage()
  await other.goto(`${served.url}/label`)
  await due(other)
  expect(await read(other)).toBe(await read(ann.page))
  const said = new Map<string, string>()
  for (let turn = 0; turn < 8; turn += 1) {
    const [here, there] = turn % 2 === 0 ? [ann.page, other] : [other, ann.page]
    const at = await due(here)
    said.set(await answer(here, '1'), 'best')
    await due(there, at)
  }
  // Both at once: one of them is the answer.
  const at = await due(ann.page)
  const query = await read(ann.page)
  await Promise.all([ann.page, other].map(async (page) => {
    await page.keyboard.press('2')
    await page.keyboard.press('Enter')
  }))
  said.set(query, 'best')
  await Promise.all([due(ann.page, at), due(other, at)])
  const kept = await served.kept()
  expectKept(kept, said)
  expect(ann.errors).toEqual([])
})

test('two people never hold the same comparison', async () => {
  served = await face(16)
  const [ann, ben] = await Promise.all([enter('ann'), enter('ben')])
  const said = new Map<string, string>()
  for (let turn = 0; turn < 6; turn += 1) {
    const [a, b] = await Promise.all([read(ann.page), read(ben.page)])
    expect(a).not.toBe(b)
    const answered = await Promise.all([answer(ann.page, '1'), answer(ben.page, '2')])
    for (const query of answered) said.set(query, 'best')
  }
  const kept = await served.kept()
  expectKept(kept, said)
  for (const name of ['ann', 'ben']) expect(kept.filter((one) => one.person === name).length).toBe(6)
})

// What is broken, and mended.
const KINDS: ((watch: Watch) => Promise<void>)[] = [
  async ({ page }) => {
    await page.reload()
  },
  async () => {
    await served.kill()
    await served.start()
  },
  async ({ context, page }) => {
    await context.setOffline(true)
    await page.waitForTimeout(30)
    await context.setOffline(false)
  },
]

test(`at ${MOMENTS} random moments a reload, a killed server or a lost network loses and doubles nothing`, async () => {
  served = await face(MOMENTS + 2)
  const watch = await enter('ann')
  const { page } = watch
  const said = new Map<string, string>()
  let chance = 20_260
  const random = () => (chance = (chance * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    const at = await due(page)
    const query = await read(page)
    const tie = random() < 0.3
    const wait = random() * 40
    const kind = KINDS[Math.floor(random() * KINDS.length)]!
    const breaking = page.waitForTimeout(wait).then(() => kind(watch))
    // What is half chosen survives a break: 0 alone, once more, would take a tie back.
    const digits = tie ? '10' : '1'
    const given = await type(page, digits).then(() => true, () => false)
    await breaking
    await page.locator('.desk[data-phase="judging"]').waitFor()
    // The break may have come before the keys: then the same comparison is still there, and is answered now.
    if ((await number(page)) === at) await answer(page, digits)
    expect(await due(page, at), given ? 'answered' : 'broken off').toBe(at + 1)
    said.set(query, tie ? '0' : 'best')
  }
  const kept = await served.kept()
  expect(kept.length).toBe(MOMENTS)
  expectKept(kept, said)
})
