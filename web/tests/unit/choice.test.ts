// What digits make of a choice.
import { expect, test } from 'vitest'

import { answer, begin, even, pick, same, told, type Choice } from '../../src/lib/choice'
import type { Answer, Mode } from '../../src/lib/types'

/** The answer after `digits`, as a person types them. */
function typed(mode: Mode, count: number, digits: string, earlier: Answer | null = null): Answer | null {
  let choice: Choice = begin(mode, count, earlier)
  for (const digit of digits) choice = digit === '0' ? even(choice) : pick(choice, Number(digit) - 1)
  return answer(choice)
}

test('of two', () => {
  expect(typed('pair', 2, '')).toBeNull()
  expect(typed('pair', 2, '2')).toEqual({ best: 1 })
  expect(typed('pair', 2, '21')).toEqual({ best: 0 })
  expect(typed('pair', 2, '0')).toEqual({ tie: [0, 1] })
  expect(typed('pair', 2, '00')).toBeNull()
  expect(typed('pair', 2, '01')).toEqual({ best: 0 })
  expect(typed('pair', 2, '9')).toBeNull()
})

test('the best of four, and ties among them', () => {
  expect(typed('best', 4, '3')).toEqual({ best: 2 })
  expect(typed('best', 4, '302')).toEqual({ tie: [1, 2] })
  expect(typed('best', 4, '30')).toBeNull()
  expect(typed('best', 4, '0')).toEqual({ tie: [0, 1, 2, 3] })
  expect(typed('best', 4, '04')).toEqual({ tie: [0, 1, 2] })
  expect(typed('best', 4, '30204')).toEqual({ best: 3 })
})

test('a ranking from the best on, of which the one that is left is the last', () => {
  expect(typed('ranking', 3, '3')).toBeNull()
  expect(typed('ranking', 3, '31')).toEqual({ ranking: [[2], [0], [1]] })
  expect(typed('ranking', 3, '310')).toEqual({ ranking: [[2, 0], [1]] })
  expect(typed('ranking', 3, '3120')).toEqual({ ranking: [[2], [0, 1]] })
  expect(typed('ranking', 3, '31200')).toEqual({ ranking: [[2], [0], [1]] })
  expect(typed('ranking', 4, '1021')).toBeNull()
  expect(typed('ranking', 3, '311')).toBeNull()
})

test('what was said before is chosen at first', () => {
  const before: [Mode, number, Answer][] = [
    ['pair', 2, { best: 1 }],
    ['best', 4, { tie: [1, 3] }],
    ['ranking', 3, { ranking: [[2], [0, 1]] }],
    ['rating', 1, { rating: 4.5 }],
  ]
  for (const [mode, count, earlier] of before) expect(typed(mode, count, '', earlier)).toEqual(earlier)
  expect(typed('pair', 2, '', 'skip')).toBeNull()
  expect(typed('pair', 2, '1', 'abstain')).toEqual({ best: 0 })
})

test('answers are the same whatever the order within a group', () => {
  expect(same({ tie: [1, 0] }, { tie: [0, 1] })).toBe(true)
  expect(same({ ranking: [[2], [1, 0]] }, { ranking: [[2], [0, 1]] })).toBe(true)
  expect(same({ ranking: [[2], [0, 1]] }, { ranking: [[0, 1], [2]] })).toBe(false)
  expect(same('skip', 'abstain')).toBe(false)
  expect(same(null, { best: 0 })).toBe(false)
})

test('answers in words', () => {
  expect(told({ ranking: [[2], [0, 1]] })).toBe('3 > 1 = 2')
  expect(told({ best: 0 }, (place) => `response ${place + 1}`)).toBe('response 1 is best')
})
