// Curves, numbers, alarms and time as data.
import { expect, test } from 'vitest'

import { spans } from '../../src/lib/alarms'
import { Clock } from '../../src/lib/clock'
import { appended, groups, joined, level, pen, told } from '../../src/lib/curves'
import { duration, of, percent, short, tick } from '../../src/lib/numbers'
import type { Alarm } from '../../src/lib/types'

test('keys stand in groups, what matters first', () => {
  const found = groups(['time/update', 'objective/valid', 'zebra/x', 'objective/kl', 'objective/score', 'ppo/lr', 'ppo/lr'])
  expect(found.map(({ name, keys }) => [name, ...keys])).toEqual([
    ['objective', 'objective/score', 'objective/kl', 'objective/valid'],
    ['ppo', 'ppo/lr'],
    ['time', 'time/update'],
    ['zebra', 'zebra/x'],
  ])
})

test('runs of different lengths share an axis', () => {
  expect(joined([{ update: [0, 2, 4], values: [1, 2, 3] }, { update: [1, 2], values: [9, null] }])).toEqual([
    [0, 1, 2, 4],
    [1, null, 2, 3],
    [null, 9, null, null],
  ])
})

test('what comes twice is there once, and only what was asked for', () => {
  const columns = { update: [0, 1], series: { a: [1, 2] } }
  expect(appended(columns, { update: [1, 2, 3], series: { a: [7, 3, 4], b: [0, 0, 0] } })).toEqual({ update: [0, 1, 2, 3], series: { a: [1, 2, 3, 4] } })
  expect(appended(columns, { update: [2], series: {} })).toEqual({ update: [0, 1, 2], series: { a: [1, 2, null] } })
  expect(appended(columns, { update: [1], series: { a: [9] } })).toBe(columns)
})

test('a curve in words', () => {
  expect(told({ update: [0, 5, 9], values: [1, -2, 3] }, String)).toBe('from 1 to 3 at update 9; lowest -2 at 5, highest 3 at 9')
  expect(told({ update: [0], values: [null] }, String)).toBe('no values yet')
})

test('runs that are drawn together differ in colour and in dashes', () => {
  for (const dark of [false, true]) {
    const pens = [0, 1, 2, 3].map((n) => pen(n, dark))
    expect(new Set(pens.map(({ colour }) => colour)).size).toBe(4)
    expect(new Set(pens.map(({ dash }) => dash.join())).size).toBe(4)
  }
  expect([-2, -1, -0.2, 0.05, 0.3, 1, 9].map(level)).toEqual([-3, -2, -1, 0, 1, 2, 3])
})

test('alarms are spans', () => {
  const at = (alarm: string, state: Alarm['state'], update: number): Alarm => ({ alarm, state, update, what: alarm, hint: '' })
  const found = spans([at('kl', 'begins', 3), at('kl', 'begins', 3), at('length', 'over', 4), at('kl', 'over', 9), at('kl', 'begins', 20)])
  expect(found.map(({ alarm, from, over }) => [alarm, from, over])).toEqual([['kl', 3, 9], ['kl', 20, null]])
})

test('numbers as people read them', () => {
  expect([0, 1, 1234, 0.12345, 12.345, 123.45, 1e-9, 2.5e7, null, NaN].map(short)).toEqual(['0', '1', '1,234', '0.123', '12.35', '123.5', '1.00e-9', '2.50e+7', '–', '–'])
  expect([0.042, 4.2, 42, 720, 12_000, 187_200, null].map(duration)).toEqual(['42 ms', '4.2 s', '42 s', '12 min', '3 h 20 min', '2 d 4 h', '–'])
  expect([tick(0.1498, 0.0001), tick(1.5, 0.5), tick(2000, 500), tick(0, 1), tick(-0.25, 0.05)]).toEqual(['0.1498', '1.5', '2,000', '0', '-0.25'])
  expect([percent(0.5), percent(null), of(3, 20), of(3, null)]).toEqual(['50 %', '–', '3 of 20', '3'])
})

test('time in which nothing is seen does not count, and goes on after a reload', () => {
  let now = 0
  const clock = new Clock(100, () => now)
  clock.start()
  now = 50
  clock.start()
  expect(clock.ms()).toBe(150)
  clock.stop()
  now = 1000
  expect(clock.ms()).toBe(150)
  clock.start()
  now = 1001
  expect(clock.ms()).toBe(151)
})
