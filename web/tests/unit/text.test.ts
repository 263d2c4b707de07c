// Foreign text as it is shown.
import { expect, test } from 'vitest'

import { cut, line, marked, parts, pieces } from '../../src/lib/text'

const shown = (text: string) => pieces(text).map((piece) => (piece.control ? `<${piece.text}>` : piece.text)).join('')

test('what cannot be seen becomes an escape', () => {
  expect(shown('\u001b[31mred\u001b[0m')).toBe('<\\u001b>[31mred<\\u001b>[0m')
  expect(shown('a\u0000b\u007fc\u0085d')).toBe('a<\\u0000>b<\\u007f>c<\\u0085>d')
  expect(shown('zero\u200bwidth\ufeff\u00ad')).toBe('zero<\\u200b>width<\\ufeff><\\u00ad>')
  expect(shown('\u202eevil\u202c \u2066x\u2069 \u200f')).toBe('<\\u202e>evil<\\u202c> <\\u2066>x<\\u2069> <\\u200f>')
  expect(shown('\u{e0041}')).toBe('<\\u{e0041}>')
  expect(shown('lone \ud800 half')).toBe('lone <\\ud800> half')
})

test('lines, tabs, letters of all scripts and pictures stay', () => {
  const text = 'a\tb\nשלום مرحبا 漢字 नमस्ते 👩\u200d👩\u200d👧 می\u200cخواهم'
  expect(pieces(text)).toEqual([{ text, control: false }])
  expect(shown('a\r\nb\rc')).toBe('a\nb<\\u000d>c')
  expect(shown('a\u200db')).toBe('a<\\u200d>b')
  expect(pieces('')).toEqual([])
})

test('places of remarks count code points', () => {
  const text = '👍🏽 good 漢字 text'
  const start = [...text].indexOf('漢')
  expect(marked(text, [{ start, end: start + 2 }])).toEqual([
    { text: '👍🏽 good ', notes: [] },
    { text: '漢字', notes: [0] },
    { text: ' text', notes: [] },
  ])
})

test('remarks overlap, touch the ends, and may lie outside', () => {
  expect(marked('abcdef', [{ start: 0, end: 4 }, { start: 2, end: 99 }])).toEqual([
    { text: 'ab', notes: [0] },
    { text: 'cd', notes: [0, 1] },
    { text: 'ef', notes: [1] },
  ])
  expect(marked('abc', [{ start: -3, end: 0 }, { start: 7, end: 9 }]).map(({ text }) => text).join('')).toBe('abc')
  expect(marked('abc', [])).toEqual([{ text: 'abc', notes: [] }])
})

test('a long text is cut between characters, and after so many lines', () => {
  expect(cut('abc', 10)).toBe('abc')
  expect(cut('ab😀c', 3)).toBe('ab')
  expect(cut('ab😀c', 4)).toBe('ab😀')
  expect(cut('x\n'.repeat(1000), 6000).split('\n').length).toBe(120)
  expect(cut('x\n'.repeat(119), 6000).length).toBe(238)
})

test('a huge text is laid out in parts, which are all of it', () => {
  for (const text of ['x'.repeat(1 << 20), 'word '.repeat(5000), '😀'.repeat(9000), 'line\n'.repeat(9000), 'short']) {
    const found = parts(text)
    expect(found.join('')).toBe(text)
    for (const part of found) expect(part.length).toBeLessThanOrEqual(6000)
  }
  expect(parts('word '.repeat(5000)).slice(0, -1).every((part) => part.endsWith(' '))).toBe(true)
})

test('a line is one line', () => {
  expect(line('a\n\n b\u0000')).toBe('a b\\u0000')
  expect([...line('😀'.repeat(500), 10)].length).toBe(10)
  expect(line('x'.repeat(1 << 20), 20).length).toBe(20)
})
