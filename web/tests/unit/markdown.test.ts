// Instructions cannot act, whatever is in them.
import { expect, test } from 'vitest'

import { allowed, parse, type Node } from '../../src/lib/markdown'

/** The nodes as a text that is easy to compare. */
function drawn(nodes: Node[]): string {
  return nodes
    .map((node) => {
      if (node.kind === 'text') return node.text
      if (node.kind === 'code') return `pre(${node.text})`
      if (node.kind === 'link') return `a[${node.href}](${drawn(node.children)})`
      if (node.kind === 'table') return `table(${node.head.map(drawn).join('|')};${node.rows.map((row) => row.map(drawn).join('|')).join(';')})`
      return `${node.name}(${drawn(node.children)})`
    })
    .join('')
}
const all = (text: string) => drawn(parse(text))

test('what instructions are made of', () => {
  expect(all('# Title\n\nA *word* and a **strong** one, `code`.')).toBe('h2(Title)p(A em(word) and a strong(strong) one, code(code).)')
  expect(all('1. one\n2. two')).toBe('ol(li(one)li(two))')
  expect(all('- a\n  - b')).toBe('ul(li(aul(li(b))))')
  expect(all('> Good: x')).toBe('blockquote(p(Good: x))')
  expect(all('```\na < b\n```')).toBe('pre(a < b)')
  expect(all('| a | b |\n| - | - |\n| 1 | 2 |')).toBe('table(a|b;1|2)')
  expect(all('a & b < c')).toBe('p(a & b < c)')
  expect(all('\\*no\\*')).toBe('p(*no*)')
})

test('HTML is text', () => {
  expect(all('<script>alert(1)</script>')).toBe('<script>alert(1)</script>')
  expect(all('a <img src=x onerror=alert(1)> b')).toBe('p(a <img src=x onerror=alert(1)> b)')
  expect(all('<a href="javascript:alert(1)">x</a>')).toContain('<a href="javascript:alert(1)">')
})

test('links lead to the web or nowhere', () => {
  expect(all('[x](https://example.org/a)')).toBe('p(a[https://example.org/a](x))')
  for (const href of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'vbscript:x', '/api/leave', '//example.org', ' javascript:x']) {
    expect(allowed(href), href).toBe(false)
  }
  expect(all('[x](javascript:alert(1))')).toBe('p(span(x))')
  expect(all('![a picture](https://example.org/a.png)')).toBe('p(a picture)')
})

test('what is in brackets without end ends', () => {
  expect(all(`${'['.repeat(2000)}a`)).toContain('a')
})
