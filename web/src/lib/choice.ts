// What a person has chosen so far, as plain data: what a digit, a click or 0 makes of it, and which answer it is.
// Knows nothing of pages and servers.
import type { Answer, Mode } from './types'

export interface Choice {
  mode: Mode
  /** How many responses there are. */
  count: number
  /** Best and pair: what is chosen; several where it is a tie. */
  picked: number[]
  tie: boolean
  /** Ranking: groups from the best on. */
  ranks: number[][]
  rating: number | null
}

/** Nothing chosen yet, or what was said `earlier`. */
export function begin(mode: Mode, count: number, earlier: Answer | null = null): Choice {
  const choice: Choice = { mode, count, picked: [], tie: false, ranks: [], rating: null }
  if (earlier === null || typeof earlier === 'string') return choice
  if ('best' in earlier) return { ...choice, picked: [earlier.best], ranks: [[earlier.best]] }
  if ('tie' in earlier) return { ...choice, picked: [...earlier.tie], tie: true }
  if ('ranking' in earlier) return { ...choice, ranks: earlier.ranking.map((group) => [...group]) }
  if ('rating' in earlier) return { ...choice, rating: earlier.rating }
  return { ...choice, picked: [earlier.difference >= 0 ? 0 : 1] }
}

/** Response `place`, from 0, is chosen. */
export function pick(choice: Choice, place: number): Choice {
  if (place < 0 || place >= choice.count) return choice
  if (choice.mode === 'ranking') return rank(choice, place)
  if (!choice.tie || choice.count === 2) return { ...choice, picked: [place], tie: false }
  const there = choice.picked.includes(place)
  const picked = there ? choice.picked.filter((other) => other !== place) : [...choice.picked, place]
  return { ...choice, picked: picked.sort((a, b) => a - b) }
}

function rank(choice: Choice, place: number): Choice {
  const without = choice.ranks.map((group) => group.filter((other) => other !== place)).filter((group) => group.length)
  const there = choice.ranks.some((group) => group.includes(place))
  return { ...choice, ranks: there ? without : [...without, [place]] }
}

/** 0: of two, both are equally good; of more, several are, which digits then choose; in a ranking, the last placed
 * is as good as the one before it. The same once more takes it back. */
export function even(choice: Choice): Choice {
  if (choice.mode === 'rating') return choice
  if (choice.mode === 'ranking') return join(choice)
  if (choice.tie) return { ...choice, tie: false, picked: [] }
  const all = choice.count === 2 || choice.picked.length === 0
  return { ...choice, tie: true, picked: all ? places(choice.count) : choice.picked }
}

function join(choice: Choice): Choice {
  const ranks = choice.ranks.map((group) => [...group])
  const last = ranks.pop()
  if (last === undefined) return choice
  if (last.length > 1) {
    const alone = last.pop()!
    return { ...choice, ranks: [...ranks, last, [alone]] }
  }
  const before = ranks.pop()
  return before === undefined ? choice : { ...choice, ranks: [...ranks, [...before, ...last]] }
}

/** The responses' places, from 0. */
export function places(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place)
}

/** The answer that this is, or null while something is missing. In a ranking the one that is left is the last. */
export function answer(choice: Choice): Answer | null {
  switch (choice.mode) {
    case 'rating':
      return choice.rating === null ? null : { rating: choice.rating }
    case 'ranking': {
      const placed = new Set(choice.ranks.flat())
      const left = places(choice.count).filter((place) => !placed.has(place))
      if (left.length > 1 || placed.size === 0) return null
      return { ranking: left.length === 1 ? [...choice.ranks, left] : choice.ranks }
    }
    default:
      if (choice.tie) return choice.picked.length > 1 ? { tie: choice.picked } : null
      return choice.picked.length === 1 ? { best: choice.picked[0]! } : null
  }
}

/** Whether two answers say the same; the order within a group says nothing. */
export function same(a: Answer | null, b: Answer | null): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b))
}

function plain(answer: Answer | null): unknown {
  if (answer === null || typeof answer === 'string') return answer
  const sorted = (group: number[]) => [...group].sort((a, b) => a - b)
  if ('tie' in answer) return { tie: sorted(answer.tie) }
  if ('ranking' in answer) return { ranking: answer.ranking.map(sorted) }
  return answer
}

/** An answer in words; `name` says how a response is called. */
export function told(said: Answer | null, name: (place: number) => string = (place) => `${place + 1}`): string {
  if (said === null) return 'no answer'
  if (said === 'abstain') return 'abstained'
  if (said === 'skip') return 'skipped'
  if ('best' in said) return `${name(said.best)} is best`
  if ('tie' in said) return `${said.tie.map(name).join(' = ')}: equally good`
  if ('rating' in said) return `worth ${said.rating}`
  if ('difference' in said) return `${name(0)} − ${name(1)} = ${said.difference}`
  return said.ranking.map((group) => group.map(name).join(' = ')).join(' > ')
}
