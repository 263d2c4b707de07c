// All pages in a real browser, against a server in memory: what they show, at three widths, light and dark.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { axe, browser, due, fits, person, sound, type Look, type Watch } from './kit'
import type { Mock } from './mock'
import { FOUR, HOSTILE, INSTRUCTIONS, filled, scene } from './scenes'

let chromium: Browser
let open: { mock: Mock; watch: Watch }[] = []

beforeAll(async () => {
  chromium = await browser()
})
afterAll(() => chromium.close())
afterEach(async () => {
  for (const { mock, watch } of open) {
    await watch.context.close()
    await mock.kill()
  }
  open = []
})

async function visit(mock: Mock, role: 'labeler' | 'researcher' = 'labeler', path = '', look: Look = {}): Promise<Watch> {
  await mock.start()
  const watch = await person(chromium, mock.url, look)
  open.push({ mock, watch })
  await watch.page.goto(mock.url + mock.invite('ann', role))
  await watch.page.waitForURL(/\/(label|runs|people)/)
  if (path !== '') await watch.page.goto(mock.url + path)
  return watch
}

const LOOKS: Look[] = [
  { width: 320, height: 640, touch: true },
  { width: 320, height: 640, dark: true },
  { width: 768, height: 1024 },
  { width: 1600, height: 1000 },
  { width: 1600, height: 1000, dark: true },
]
const named = ({ width, dark }: Look) => `at ${width} px, ${dark ? 'dark' : 'light'}`

for (const look of LOOKS) {
  test(`labeling ${named(look)}`, async () => {
    const watch = await visit(scene({ instructions: INSTRUCTIONS, confidence: true, strength: true, hints: 'after' }), 'labeler', '', look)
    const { page } = watch
    await page.getByRole('button', { name: 'Begin' }).waitFor()
    await sound(watch)
    await page.keyboard.press('Enter')
    await due(page)
    await page.keyboard.press('1')
    await sound(watch)
    await page.keyboard.press('Enter')
    await page.getByText('Right.').waitFor()
    await sound(watch)
    await page.keyboard.press('?')
    await page.getByRole('dialog').waitFor()
    expect(await axe(page)).toEqual([])
  })

  test(`people ${named(look)}`, async () => {
    const watch = await visit(filled(scene()), 'researcher', '/people', look)
    await watch.page.getByText('Krippendorff').waitFor()
    await watch.page.getByText('1 of 2').waitFor()
    await sound(watch)
  })

  test(`runs ${named(look)}`, async () => {
    const watch = await visit(filled(scene()), 'researcher', '/runs?run=a1b2&run=c3d4', look)
    await watch.page.locator('canvas').nth(3).waitFor()
    await watch.page.getByText('update 311').waitFor()
    await sound(watch)
  })
}

test('the token leaves the address, and no link opens nothing', async () => {
  const mock = scene()
  const { page } = await visit(mock)
  await due(page)
  expect(page.url()).toBe(`${mock.url}/label`)
  expect(await page.evaluate(() => history.length)).toBeLessThan(4)
  const stranger = await person(chromium, mock.url)
  await stranger.page.goto(`${mock.url}/label`)
  await stranger.page.getByRole('heading', { name: 'Open your personal link' }).waitFor()
  expect(stranger.errors).toEqual([])
  await stranger.page.goto(`${mock.url}/enter#wrong`)
  await stranger.page.getByText('this link opens nothing').waitFor()
  await stranger.context.close()
})

test('a session that the server has forgotten is entered again by itself', async () => {
  const mock = scene()
  const { page } = await visit(mock)
  await due(page)
  await mock.kill()
  await mock.start()
  await page.reload()
  await due(page)
  await page.keyboard.press('1')
  await page.keyboard.press('Enter')
  await page.getByText('Right.').waitFor()
})

test('one browser may label by one link and watch by another', async () => {
  const mock = filled(scene({}, [FOUR, FOUR, FOUR, FOUR]))
  const watch = await visit(mock)
  const { page, context } = watch
  await due(page)
  const other = await context.newPage()
  await other.goto(mock.url + mock.invite('host', 'researcher'))
  await other.getByText('live', { exact: true }).waitFor()
  for (let turn = 1; turn <= 3; turn += 1) {
    await page.bringToFront()
    await page.keyboard.press('1')
    await page.keyboard.press('Enter')
    await due(page, turn)
    await other.bringToFront()
    await other.getByRole('link', { name: turn % 2 ? 'People' : 'Runs' }).click()
    await other.getByRole('heading', { name: turn % 2 ? 'People' : 'Runs', level: 1 }).waitFor()
  }
  expect(mock.judgements.map((one) => one.person)).toEqual(['ann', 'ann', 'ann'])
  // A new tab takes the link that fits its page.
  const third = await context.newPage()
  await third.goto(`${mock.url}/label`)
  await due(third)
  expect(watch.errors).toEqual([])
})

test('by mouse, and by the numbers at the bottom', async () => {
  const mock = scene({ mode: 'ranking' }, [FOUR, FOUR])
  const { page } = await visit(mock)
  await due(page)
  await page.getByRole('article', { name: 'Response 3' }).click()
  await page.getByRole('button', { name: 'Response 1' }).click()
  await page.getByRole('button', { name: 'Tie' }).click()
  await page.getByRole('button', { name: 'Response 4' }).click()
  await page.getByRole('button', { name: 'Answer' }).click()
  await due(page, 1)
  expect(mock.judgements.map(({ answer }) => answer)).toEqual([{ ranking: [[2, 0], [3], [1]] }])
})

test('what is said beside an answer goes with it', async () => {
  const mock = scene({ naive: true, confidence: true, strength: true, hints: 'before' })
  const { page } = await visit(mock)
  await page.getByRole('textbox').fill('It draws graphs.')
  // The responses are not shown yet, and numbers are only written.
  expect(await page.getByRole('article').count()).toBe(0)
  await page.keyboard.press('Enter')
  await due(page)
  expect(await page.locator('mark').count()).toBe(2)
  for (const key of ['1', '2', '1', '+', '+', ']', 'n']) await page.keyboard.press(key)
  await page.getByRole('textbox').fill('close')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Enter')
  await page.getByText('Right.').waitFor()
  expect(mock.judgements[0]).toMatchObject({
    answer: { best: 0 }, changes: 2, strength: 2, confidence: 0.75, note: 'close', naive: 'It draws graphs.', hints_shown: true,
  })
  expect(mock.judgements[0]!.shown_ms).toBeGreaterThan(0)
})

test('abstaining tells why', async () => {
  const mock = scene()
  const { page } = await visit(mock)
  await due(page)
  await page.keyboard.press('a')
  await page.keyboard.press('2')
  await page.getByLabel('In your own words').fill('neither')
  await page.keyboard.press('Enter')
  await page.getByText('Go on').waitFor()
  expect(mock.judgements[0]).toMatchObject({ answer: 'abstain', reason: 'Both are wrong: neither' })
})

test('a rating, on few steps and on a slider', async () => {
  const one = { query: 'q', responses: ['r'] }
  const mock = scene({ mode: 'rating' }, [one, one])
  const { page } = await visit(mock)
  await due(page)
  await page.keyboard.press('6')
  await page.keyboard.press('Enter')
  await due(page, 1)
  await page.getByRole('radio', { name: '3' }).check({ force: true })
  await page.keyboard.press('Enter')
  await page.getByText('Nothing to judge').waitFor()
  expect(mock.judgements.map(({ answer }) => answer)).toEqual([{ rating: 6 }, { rating: 3 }])
})

test('what is half chosen is there after a reload', async () => {
  const mock = scene({ notes: true })
  const { page } = await visit(mock)
  await due(page)
  await page.keyboard.press('2')
  await page.keyboard.press('n')
  await page.getByRole('textbox').fill('not sure')
  await page.keyboard.press('Enter')
  await page.reload()
  await due(page)
  await page.keyboard.press('Enter')
  await page.getByText('otherwise').waitFor()
  expect(mock.judgements[0]).toMatchObject({ answer: { best: 1 }, note: 'not sure', changes: 0 })
})

test('an answer whose acknowledgement is lost is kept once, and shown as saved only then', async () => {
  const mock = scene({}, [FOUR, FOUR, FOUR])
  // Lost for as long as it takes to look: the test, not the clock, ends it.
  mock.faults = ['busy', ...Array<'lost'>(1000).fill('lost')]
  const { page } = await visit(mock)
  await due(page)
  await page.keyboard.press('2')
  await page.keyboard.press('Enter')
  await page.getByText('Not saved yet: ').waitFor()
  await expect.poll(() => mock.judgements.length).toBe(1)
  expect(await page.getByText('✓ saved').count()).toBe(0)
  mock.faults = []
  await due(page, 1)
  await page.getByText('✓ saved').waitFor()
  expect(mock.judgements.map(({ answer }) => answer)).toEqual([{ best: 1 }])
})

test('hostile texts are texts, and break no layout', async () => {
  for (const width of [320, 1600]) {
    const watch = await visit(scene({ instructions: '<img src=x onerror=alert(1)>' }, [HOSTILE]), 'labeler', '', { width })
    const { page } = watch
    let alerted = false
    page.on('dialog', () => (alerted = true))
    await page.getByRole('button', { name: 'Begin' }).click()
    await due(page)
    const query = await page.locator('.query .text').innerText()
    expect(query).toContain('<script>alert(1)</script><img src=x onerror=alert(2)>')
    expect(query).toContain('\\u001b[31mred')
    expect(query).toContain('\\u202eevil')
    await fits(page)
    await page.getByRole('button', { name: /Show all 1,048,576/ }).click()
    await page.getByRole('button', { name: 'Show less' }).waitFor()
    await fits(page)
    expect(alerted).toBe(false)
    expect(watch.errors).toEqual([])
    expect(watch.foreign).toEqual([])
  }
})

test('somebody is excluded by one click and a reason', async () => {
  const mock = filled(scene())
  const { page } = await visit(mock, 'researcher', '/people')
  await page.getByRole('button', { name: 'Exclude ben' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Exclude' }).click()
  await page.getByRole('button', { name: 'Take back ben' }).waitFor()
  expect(mock.excluded).toEqual([{ name: 'ben', excluded: true, why: '402 of 640 answers came faster than the text can be read; 33 of 63 right on gold is what chance gives' }])
})

test('a dead link is said once, by all tabs of it', async () => {
  const mock = filled(scene())
  const { page, context } = await visit(mock, 'researcher', '/runs')
  const other = await context.newPage()
  await other.goto(`${mock.url}/people`)
  await other.getByRole('heading', { name: 'People', level: 1 }).waitFor()
  await mock.kill()
  mock.tokens.clear()
  await mock.start()
  mock.knocks = 0
  for (const tab of [page, other]) await tab.getByRole('heading', { name: 'Open your personal link' }).waitFor()
  const { knocks } = mock
  expect(knocks).toBeLessThanOrEqual(2)
  await page.waitForTimeout(3000)
  expect(mock.knocks).toBe(knocks)
})

test('who is invited again keeps the role', async () => {
  const { page } = await visit(filled(scene()), 'researcher', '/people')
  await page.getByRole('button', { name: 'Invite somebody' }).click()
  await page.getByLabel('Name').fill('dora')
  expect(await page.getByRole('radio', { name: /^Researcher/ }).isChecked()).toBe(true)
  await page.getByLabel('Name').fill('doran')
  expect(await page.getByRole('radio', { name: /^Labeler/ }).isChecked()).toBe(true)
})

test('what is typed right behind n is a note', async () => {
  const { page } = await visit(scene({ notes: true }))
  await due(page)
  await page.keyboard.type('nso it is')
  await page.getByLabel(/^Note/).waitFor()
  expect(await page.getByLabel(/^Note/).inputValue()).toBe('so it is')
})

test('a link is revoked, and cannot be twice', async () => {
  const mock = filled(scene())
  const { page } = await visit(mock, 'researcher', '/people')
  await page.getByRole('button', { name: 'Revoke the link of ben' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('button', { name: 'Revoke the link of ben' }).waitFor({ state: 'detached' })
  expect(mock.revoked).toEqual(['ben'])
})

test('an invitation is a link that is shown once, a disagreement is decided, and labels leave as a file', async () => {
  const mock = filled(scene())
  const { page } = await visit(mock, 'researcher', '/people')
  await page.getByRole('button', { name: 'Invite somebody' }).click()
  await page.getByLabel('Name').fill('emil')
  await page.keyboard.press('Enter')
  const link = await page.getByLabel('Personal link').inputValue()
  expect(link).toMatch(/\/enter#token-of-emil/)
  await page.getByRole('button', { name: 'Done' }).click()
  expect(await page.content()).not.toContain('token-of-emil')
  await page.getByRole('button', { name: 'This is best' }).first().click()
  await page.getByText('Decided: response 1 is best.').waitFor()
  expect(mock.decided).toEqual([{ key: 'k1', answer: { best: 0 } }])
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save the file' }).click()
  expect((await saved).suggestedFilename()).toBe('labels-jsonl.jsonl')
  await page.getByText('Not in it: time (2).').waitFor()
})

test('a run grows before one’s eyes, and a page that is left listens no more', async () => {
  const mock = filled(scene())
  const watch = await visit(mock, 'researcher', '/runs')
  const { page } = watch
  await page.getByText('live', { exact: true }).waitFor()
  await page.locator('canvas').first().waitFor()
  for (let n = 0; n < 5; n += 1) mock.runs.grow('a1b2')
  await page.getByText('317 of 1,000').first().waitFor()
  await page.getByText('update 316').waitFor()
  await page.getByText('ppo/', { exact: true }).click()
  await page.getByText('ppo/loss/policy').waitFor()
  await sound(watch)
  await page.getByRole('link', { name: 'People' }).click()
  await page.getByText('Krippendorff').waitFor()
  mock.runs.grow('a1b2')
  await expect.poll(() => mock.runs.watchers('a1b2')).toBe(0)
})

test('a labeler sees no runs and no people', async () => {
  const mock = filled(scene())
  const { page } = await visit(mock, 'labeler', '/people')
  await page.getByRole('heading', { name: 'Nothing here' }).waitFor()
  expect(await page.getByRole('navigation').getByRole('link').allInnerTexts()).toEqual(['Label'])
})

test('ten thousand updates stay quick', async () => {
  const mock = scene()
  mock.runs.add('long', 'a long run', 10_000, 20_000, 'running')
  const { page } = await visit(mock, 'researcher', '/runs')
  await page.locator('canvas').nth(5).waitFor()
  await points(page)
  for (let n = 0; n < 200; n += 1) mock.runs.grow('long')
  await page.getByText('10,200 of 20,000').first().waitFor()
})

/** Each curve has been drawn from some thousand points at most. */
async function points(page: Page): Promise<void> {
  const lengths = await page.evaluate(() =>
    performance.getEntriesByType('resource').filter(({ name }) => name.includes('/metrics')).map((entry) => (entry as PerformanceResourceTiming).decodedBodySize),
  )
  expect(lengths.length).toBeGreaterThan(0)
  for (const length of lengths) expect(length).toBeLessThan(500_000)
}
