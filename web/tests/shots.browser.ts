// Pictures of all pages, light and dark, at three widths, for eyes: `npm run shots` puts them into web/shots.
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, test } from 'vitest'

import { browser, person, type Look } from './kit'
import type { Mock } from './mock'
import { FOUR, HOSTILE, INSTRUCTIONS, filled, scene } from './scenes'

const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url))
let chromium: Browser
beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true })
  chromium = await browser()
})
afterAll(() => chromium.close())

async function shoot(mock: Mock, name: string, role: 'labeler' | 'researcher', path: string, look: Look, act: (page: Page, snap: (name: string) => Promise<void>) => Promise<void>) {
  await mock.start()
  const { page, context } = await person(chromium, mock.url, look)
  await page.goto(mock.url + mock.invite('Ann Olofsson', role))
  await page.waitForURL(/(label|runs|people)/)
  if (path) await page.goto(mock.url + path)
  await act(page, async (what) => {
    await page.waitForTimeout(250)
    await page.screenshot({ path: `${SHOTS}${name}-${what}.png`, fullPage: true })
  })
  await context.close()
  await mock.kill()
}

const LOOKS: [string, Look][] = [
  ['320', { width: 320, height: 640, touch: true }],
  ['768-dark', { width: 768, height: 1000, dark: true }],
  ['1600', { width: 1600, height: 1000 }],
]

/** Those of the documentation: what fits on a screen. */
test('for the documentation', async () => {
  const look = { width: 1280, height: 760 }
  const snap = (page: Page, name: string) => page.screenshot({ path: `${SHOTS}docs-${name}.png` })
  await shoot(scene({ hints: 'before', confidence: true }), 'docs', 'labeler', '/label', look, async (page) => {
    await page.getByText('Response 1').first().waitFor()
    await page.keyboard.press('1')
    await page.keyboard.press(']')
    await snap(page, 'label')
  })
  await shoot(filled(scene()), 'docs', 'researcher', '/people', look, async (page) => {
    await page.getByText('1 of 2').waitFor()
    await snap(page, 'people')
  })
  await shoot(filled(scene()), 'docs', 'researcher', '/runs?run=a1b2&run=c3d4', look, async (page) => {
    await page.locator('canvas').nth(5).waitFor()
    await page.waitForTimeout(250)
    await snap(page, 'runs')
  })
})

for (const [width, look] of LOOKS) {
  test(`label at ${width}`, async () => {
    await shoot(scene({ instructions: INSTRUCTIONS, confidence: true, strength: true, hints: 'after' }), `label-${width}`, 'labeler', '/label', look, async (page, snap) => {
      await page.getByRole('button', { name: 'Begin' }).waitFor()
      await snap('1-intro')
      await page.keyboard.press('Enter')
      await page.getByText('Response 1').first().waitFor()
      await page.keyboard.press('2')
      await snap('2-judging')
      await page.keyboard.press('Enter')
      await page.getByText('otherwise').waitFor()
      await snap('3-feedback')
      await page.keyboard.press('Enter')
      await page.locator('.desk[data-number="2"]').waitFor()
      await page.keyboard.press('?')
      await snap('4-help')
      await page.keyboard.press('Escape')
      await page.keyboard.press('a')
      await snap('5-abstain')
      await page.keyboard.press('Escape')
      await page.keyboard.press('u')
      await page.locator('.desk[data-steps="1"]').waitFor()
      const more = page.locator('summary[aria-label="More"]')
      if (await more.isVisible()) await more.click()
      await page.waitForTimeout(250)
      await page.screenshot({ path: `${SHOTS}label-${width}-undo.png` })
    })
  })
  test(`ranking, rating, naive at ${width}`, async () => {
    await shoot(scene({ mode: 'ranking' }, [FOUR]), `label-${width}`, 'labeler', '/label', look, async (page, snap) => {
      await page.getByText('Response 1').first().waitFor()
      for (const key of ['2', '4', '0', '1']) await page.keyboard.press(key)
      await snap('6-ranking')
    })
    await shoot(scene({ mode: 'rating', naive: true }, [{ query: FOUR.query, responses: [FOUR.responses[0]!] }]), `label-${width}`, 'labeler', '/label', look, async (page, snap) => {
      await page.getByRole('textbox').fill('It draws graphs.')
      await snap('7-naive')
      await page.keyboard.press('Enter')
      await page.getByText('worth').first().waitFor()
      await page.keyboard.press('5')
      await snap('8-rating')
    })
    await shoot(scene({}, [HOSTILE]), `label-${width}`, 'labeler', '/label', look, async (page, snap) => {
      await page.getByText('Response 1').first().waitFor()
      await snap('9-hostile')
    })
  })
  test(`people and runs at ${width}`, async () => {
    await shoot(filled(scene()), `people-${width}`, 'researcher', '/people', look, async (page, snap) => {
      await page.getByText('Krippendorff').waitFor()
      await snap('1')
      await page.getByRole('button', { name: 'Exclude ben' }).click()
      await snap('2-exclude')
    })
    await shoot(filled(scene()), `runs-${width}`, 'researcher', '/runs?run=a1b2&run=c3d4', look, async (page, snap) => {
      await page.locator('canvas').first().waitFor()
      await snap('1')
    })
    await shoot(filled(scene()), `runs-${width}`, 'researcher', '/runs', look, async (page, snap) => {
      await page.locator('canvas').first().waitFor()
      await snap('2-one')
    })
  })
}
