// A browser for tests: the system's Chromium, pages that note every error and every request that leaves, and a face to
// look at, which is the mock or the real `attune serve`.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { expect } from 'vitest'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The system's Chromium. */
export async function browser(): Promise<Browser> {
  const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path))
  if (!found) throw new Error('there is no Chromium\nhint: apt-get install chromium, or name one in CHROMIUM')
  return chromium.launch({ executablePath: found, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
}

/** What is wrong in a page's own eyes. */
export interface Watch {
  context: BrowserContext
  page: Page
  /** Errors of the console, and of scripts that nobody caught. */
  errors: string[]
  /** Requests to anywhere else than the page's own server. */
  foreign: string[]
}

export interface Look {
  width?: number
  height?: number
  dark?: boolean
  touch?: boolean
}

/** A person's own browser, as far as cookies and storage go. */
export async function person(from: Browser, origin: string, look: Look = {}): Promise<Watch> {
  const context = await from.newContext({
    viewport: { width: look.width ?? 1024, height: look.height ?? 800 },
    colorScheme: look.dark ? 'dark' : 'light',
    hasTouch: look.touch ?? false,
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(60_000)
  const watch: Watch = { context, page: await context.newPage(), errors: [], foreign: [] }
  context.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:') && !url.startsWith('blob:')) watch.foreign.push(url)
  })
  context.on('console', (message) => {
    if (message.type() === 'error') watch.errors.push(message.text())
  })
  context.on('weberror', (error) => watch.errors.push(String(error.error())))
  return watch
}

/** Waits until a comparison can be judged; its number. With `after`, until it is another one than that. */
export async function due(page: Page, after = 0): Promise<number> {
  await page.waitForFunction(
    (last) => {
      const desk = document.querySelector<HTMLElement>('.desk')
      return desk?.dataset.phase === 'judging' && Number(desk.dataset.number) > last
    },
    after,
    { polling: 20 },
  ).catch(async (error: unknown) => {
    throw new Error(`no comparison after ${after}: ${await shown(page)}`, { cause: error })
  })
  return number(page)
}

/** What the page shows, and what waits in its browser, in a line. */
async function shown(page: Page): Promise<string> {
  return page.evaluate(() => {
    const desk = document.querySelector<HTMLElement>('.desk')?.dataset
    const keys = Object.keys(localStorage).filter((key) => key.includes('outbox'))
    return JSON.stringify({ desk, keys, entered: localStorage.getItem('attune.entered'), text: document.body.innerText.slice(0, 600) })
  })
}

/** The number of the comparison on the page. */
export async function number(page: Page): Promise<number> {
  return Number(await page.locator('.desk').getAttribute('data-number'))
}

/** Everything that axe calls serious or worse, in words. */
export async function axe(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: unknown) => Promise<{ violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[] }> } }
    const { violations } = await axe.run({ resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`))
  })
}

/** Nothing stands out of the page sideways. */
export async function fits(page: Page): Promise<void> {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth
    const out = [...document.querySelectorAll('body *')].filter((element) => {
      const box = element.getBoundingClientRect()
      if (box.width === 0 || box.right <= width + 1) return false
      // What lies in a box that scrolls, or that cuts, stands out of nothing.
      for (let above = element.parentElement; above; above = above.parentElement) {
        if (getComputedStyle(above).overflowX !== 'visible') return false
      }
      return true
    })
    return { scroll: document.documentElement.scrollWidth - width, out: out.slice(0, 3).map((element) => `${element.tagName}.${element.className}`) }
  })
  expect(wide).toEqual({ scroll: 0, out: [] })
}

/** The page is as it should be whatever else is tested. */
export async function sound({ page, errors, foreign }: Watch): Promise<void> {
  expect(errors).toEqual([])
  expect(foreign).toEqual([])
  expect(await axe(page)).toEqual([])
  await fits(page)
}
