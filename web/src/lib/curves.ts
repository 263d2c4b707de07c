// Curves as data: which keys stand together, how several runs share an axis, and what a curve says in words.
import type { Columns } from './types'

/** Groups in the order in which they are read; what is in none comes after them by its own name. */
const GROUPS: [string, string][] = [
  ['objective', 'what is optimized: score, KL and entropy'],
  ['reward', 'training of the reward model'],
  ['validation', 'the reward model on labels that it has not seen'],
  ['measure', 'judges that are no part of the reward'],
  ['response', 'the responses'],
  ['reward_model', 'reward models'],
  ['labeler', 'labelers'],
  ['task', 'the task’s own measures'],
  ['shaper', 'shapers and their terms'],
  ['ppo', 'policy and value updates'],
  ['sampling', 'sampler and trainer'],
  ['plugins', 'plugins'],
  ['elapsed', 'counters'],
  ['time', 'where the time goes'],
]

/** Of a group, what is looked at first. */
const FIRST = ['objective/score', 'objective/kl', 'objective/score_total', 'objective/entropy', 'objective/kl_coef', 'objective/valid', 'reward/loss', 'reward/accuracy']

export interface Group {
  name: string
  about: string
  keys: string[]
}

/** `keys` in groups by the word before their first slash. */
export function groups(keys: Iterable<string>): Group[] {
  const found = new Map<string, string[]>()
  for (const key of new Set(keys)) {
    const name = key.split('/')[0] ?? key
    found.set(name, [...(found.get(name) ?? []), key])
  }
  const known = GROUPS.filter(([name]) => found.has(name))
  const others = [...found.keys()].filter((name) => !known.some(([other]) => other === name)).sort()
  return [...known, ...others.map((name) => [name, ''] as [string, string])].map(([name, about]) => ({
    name,
    about,
    keys: (found.get(name) ?? []).sort((a, b) => place(a) - place(b) || a.localeCompare(b)),
  }))
}

function place(key: string): number {
  const at = FIRST.indexOf(key)
  return at < 0 ? FIRST.length : at
}

/** One run's values of one key. */
export interface Curve {
  update: number[]
  values: (number | null)[]
}

/** Curves on one axis: the updates of all, and for each curve its value there, or null. */
export function joined(curves: Curve[]): [number[], ...(number | null)[][]] {
  if (curves.length === 1) return [curves[0]!.update, curves[0]!.values]
  const all = [...new Set(curves.flatMap(({ update }) => update))].sort((a, b) => a - b)
  const at = new Map(all.map((update, index) => [update, index]))
  const columns = curves.map(({ update, values }) => {
    const column: (number | null)[] = new Array<number | null>(all.length).fill(null)
    update.forEach((one, index) => (column[at.get(one)!] = values[index] ?? null))
    return column
  })
  return [all, ...columns]
}

/** `more` after `columns`, without updates that are there already; keys that were not asked for are left out. */
export function appended(columns: Columns, more: Columns): Columns {
  const last = columns.update.at(-1) ?? -Infinity
  const from = more.update.findIndex((update) => update > last)
  if (from < 0) return columns
  const fresh = more.update.slice(from)
  const series: Columns['series'] = {}
  for (const [key, values] of Object.entries(columns.series)) {
    const added = more.series[key]?.slice(from) ?? fresh.map(() => null)
    series[key] = [...values, ...added]
  }
  return { update: [...columns.update, ...fresh], series }
}

/** A curve in words, for whoever does not see it. */
export function told(curve: Curve, short: (x: number) => string): string {
  const seen = curve.values.flatMap((value, at) => (value === null ? [] : [{ value, update: curve.update[at]! }]))
  const [first, last] = [seen[0], seen.at(-1)]
  if (first === undefined || last === undefined) return 'no values yet'
  let [low, high] = [first, first]
  for (const one of seen) {
    if (one.value < low.value) low = one
    if (one.value > high.value) high = one
  }
  return `from ${short(first.value)} to ${short(last.value)} at update ${last.update}; lowest ${short(low.value)} at ${low.update}, highest ${short(high.value)} at ${high.update}`
}

/** How one of several runs is drawn: a colour of Okabe and Ito's, and dashes for whom colours are not enough. */
export interface Pen {
  colour: string
  dash: number[]
}

const LIGHT = ['#0072b2', '#d55e00', '#00825f', '#b5538b', '#a87400', '#2b8cc4', '#000000']
const DARK = ['#56b4e9', '#ff8a3d', '#2fc99a', '#e39cc4', '#f0b429', '#8fcdf2', '#f0e442']
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [12, 4], [3, 6]]

/** The pen of run number `n`. */
export function pen(n: number, dark: boolean): Pen {
  const colours = dark ? DARK : LIGHT
  return { colour: colours[n % colours.length]!, dash: DASHES[n % DASHES.length]! }
}

/** How far a token's KL is from 0: 0 to 3, negative where the reference found the token more likely. */
export function level(kl: number): number {
  const size = Math.abs(kl)
  const step = size < 0.1 ? 0 : size < 0.5 ? 1 : size < 1.5 ? 2 : 3
  return kl < 0 ? -step : step
}
