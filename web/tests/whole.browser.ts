// A whole run in front of a browser, of which the test that started it gives the links: a person answers all that is
// asked (ATTUNE_LABEL, ATTUNE_ANSWERS), or somebody looks at the run and opens its report (ATTUNE_WATCH).
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { axe, browser, due, fits, number, person, sound } from './kit'

const { ATTUNE_LABEL, ATTUNE_ANSWERS, ATTUNE_WATCH } = process.env
let chromium: Browser

beforeAll(async () => {
  chromium = await browser()
})
afterAll(() => chromium.close())

test.runIf(ATTUNE_LABEL)('a person answers all that is asked', async () => {
  const watch = await person(chromium, new URL(ATTUNE_LABEL!).origin)
  const { page } = watch
  await page.goto(ATTUNE_LABEL!)
  await page.getByRole('button', { name: 'Begin' }).waitFor()
  await page.keyboard.press('Enter')
  await due(page)
  await sound(watch)
  const answers = Number(ATTUNE_ANSWERS)
  for (let given = 0; given < answers; given += 1) {
    // Between two reward models the page waits by itself.
    await page.locator('.desk[data-phase="judging"]').waitFor()
    const at = await number(page)
    await page.keyboard.press(given % 5 === 4 ? '0' : '1')
    await page.keyboard.press('Enter')
    await page.waitForFunction(
      (last) => {
        const { phase, number } = document.querySelector<HTMLElement>('.desk')!.dataset
        return phase === 'wait' || Number(number) > last
      },
      at,
      { polling: 20 },
    ).catch((error: unknown) => {
      // After its last answer a run may be over, and its server with it, before the page has asked again.
      if (given + 1 < answers) throw error
    })
  }
  await watch.context.close()
})

test.runIf(ATTUNE_WATCH)('somebody looks at the run and opens its report', async () => {
  const { origin } = new URL(ATTUNE_WATCH!)
  const watch = await person(chromium, origin, { width: 1600, height: 1000 })
  const { page } = watch
  await page.goto(ATTUNE_WATCH!)
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor()
  const policy = page.getByRole('checkbox', { name: /policy/ }).first()
  await policy.waitFor()
  await policy.check()
  await page.getByRole('img', { name: /^objective\/score,/ }).first().waitFor()
  await page.getByRole('heading', { name: 'Newest samples' }).waitFor()
  await sound(watch)
  const report = await page.getByRole('link', { name: /Report/ }).first().getAttribute('href')
  for (const width of [320, 768, 1600]) {
    await page.setViewportSize({ width, height: 900 })
    await page.goto(origin + report!)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await fits(page)
    expect(await axe(page)).toEqual([])
  }
  expect(watch.errors).toEqual([])
  expect(watch.foreign).toEqual([])
})
