// Foreign text as it can be shown: characters that cannot be seen, or that would reorder what stands around them,
// become escapes such as \u001b, and parts are counted in code points, as the server counts them.
import type { Hint } from './types'

/** A stretch of text; `control` is an escape in place of a character that cannot be shown. */
export interface Piece {
  text: string
  control: boolean
}

/** Texts longer than this are cut until the reader asks for all, so that a page stays quick. */
export const LONG = 6000

/** And texts of more lines than this. */
const LINES = 120

/** UTF-16 units of a part. */
const PART = 3000

// C0 without tab and line feed, DEL, C1, soft hyphen, Arabic letter mark, zero-width and direction marks, line and
// paragraph separators, invisible operators, byte order mark, interlinear and tag characters, lone surrogates.
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]|[\u200c\u200d]/gu

// A joiner belongs to emoji and to several scripts: it is one only between two letters or pictures beyond ASCII.
function joins(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) > 0x2ff && text.charCodeAt(at + 1) > 0x2ff
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** `text` in pieces that can be shown as they are. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let from = 0
  for (const match of text.matchAll(HIDDEN)) {
    const [character] = match
    const at = match.index
    if ((character === '\u200c' || character === '\u200d') && joins(text, at)) continue
    if (at > from) found.push({ text: text.slice(from, at), control: false })
    // The end of a line in another system's files is no more than that.
    const ends = character === '\r' && text[at + 1] === '\n'
    if (!ends) found.push({ text: escaped(character), control: true })
    from = at + character.length
  }
  if (from < text.length) found.push({ text: text.slice(from), control: false })
  return found
}

/** One line of `text` for labels and titles: hidden characters escaped, at most `limit` characters. */
export function line(text: string, limit = 80): string {
  const start = cut(text, limit * 2)
  const shown = pieces(start).map((piece) => piece.text).join('').replace(/\s+/gu, ' ').trim()
  const points = [...shown]
  const more = points.length > limit || start.length < text.length
  return more ? `${points.slice(0, limit - 1).join('')}…` : shown
}

/** The first `limit` UTF-16 units of `text`, without half a character at its end, and no more lines than can be read. */
export function cut(text: string, limit: number): string {
  let end = -1
  for (let lines = 0; lines < LINES; lines += 1) {
    end = text.indexOf('\n', end + 1)
    if (end < 0 || end > limit) break
    if (lines === LINES - 1) return text.slice(0, end)
  }
  if (text.length <= limit) return text
  const last = text.charCodeAt(limit - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit)
}

/** `text` in parts that a browser lays out one by one: a megabyte in one line would take it seconds. A part ends at
 * the end of a line or of a word where there is one. */
export function parts(text: string): string[] {
  const found: string[] = []
  let from = 0
  while (text.length - from > LONG) {
    const piece = cut(text.slice(from, from + LONG), PART)
    const end = Math.max(piece.lastIndexOf('\n'), piece.lastIndexOf(' ')) + 1
    const length = end > PART / 2 ? end : piece.length
    found.push(text.slice(from, from + length))
    from += length
  }
  found.push(text.slice(from))
  return found
}

/** A stretch of a response with the remarks on it, by their numbers. */
export interface Marked {
  text: string
  notes: number[]
}

/** Cuts `text` where remarks begin and end. Places count code points; what lies outside the text is moved into it. */
export function marked(text: string, hints: Pick<Hint, 'start' | 'end'>[]): Marked[] {
  if (hints.length === 0) return [{ text, notes: [] }]
  const points = [...text]
  const within = (place: number) => Math.min(Math.max(0, Math.trunc(place)), points.length)
  const spans = hints.map(({ start, end }) => [within(start), within(end)] as const)
  const edges = [...new Set([0, points.length, ...spans.flat()])].sort((a, b) => a - b)
  const found: Marked[] = []
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const [from, to] = [edges[i]!, edges[i + 1]!]
    const notes = spans.flatMap(([start, end], number) => (start <= from && to <= end ? [number] : []))
    found.push({ text: points.slice(from, to).join(''), notes })
  }
  return found
}
