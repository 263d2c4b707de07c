// Instructions in Markdown as a tree of a few kinds of nodes, which a component turns into elements. HTML in it is
// text, pictures are their description, and links lead to the web or nowhere: nothing in it can act.
import { lexer, type Token, type Tokens } from 'marked'

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'element'; name: Name; children: Node[]; start?: number }
  | { kind: 'link'; href: string; children: Node[] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: Node[][]; rows: Node[][][] }

export type Name =
  'h2' | 'h3' | 'h4' | 'p' | 'ul' | 'ol' | 'li' | 'blockquote' | 'strong' | 'em' | 'del' | 'code' | 'br' | 'hr' | 'span'

/** The nodes of `text`. */
export function parse(text: string): Node[] {
  return nodes(lexer(text, { gfm: true, async: false }))
}

/** Where a link may lead: to the web or into a mail. */
export function allowed(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href)
}

function nodes(tokens: Token[] | undefined): Node[] {
  return (tokens ?? []).flatMap(node)
}

function element(name: Name, tokens: Token[] | undefined): Node[] {
  return [{ kind: 'element', name, children: nodes(tokens) }]
}

function words(text: string): Node[] {
  return [{ kind: 'text', text }]
}

function node(token: Token): Node[] {
  switch (token.type) {
    case 'space':
    case 'def':
      return []
    case 'heading':
      return element(token.depth <= 1 ? 'h2' : token.depth === 2 ? 'h3' : 'h4', token.tokens)
    case 'paragraph':
      return element('p', token.tokens)
    case 'blockquote':
      return element('blockquote', token.tokens)
    case 'list':
      return list(token as Tokens.List)
    case 'table':
      return table(token as Tokens.Table)
    case 'code':
      return [{ kind: 'code', text: token.text }]
    case 'codespan':
      return [{ kind: 'element', name: 'code', children: words(token.text) }]
    case 'strong':
    case 'em':
    case 'del':
      return element(token.type, token.tokens)
    case 'br':
    case 'hr':
      return [{ kind: 'element', name: token.type, children: [] }]
    case 'link':
      return link(token as Tokens.Link)
    case 'image':
      return words(token.text)
    case 'text':
      return token.tokens ? nodes(token.tokens) : words(token.text)
    case 'escape':
      return words(token.text)
    default:
      return words(token.raw)
  }
}

function link(token: Tokens.Link): Node[] {
  if (!allowed(token.href)) return element('span', token.tokens)
  return [{ kind: 'link', href: token.href, children: nodes(token.tokens) }]
}

function list(token: Tokens.List): Node[] {
  const children = token.items.flatMap((item) => element('li', item.tokens))
  const start = typeof token.start === 'number' ? token.start : undefined
  return [{ kind: 'element', name: token.ordered ? 'ol' : 'ul', children, start }]
}

function table(token: Tokens.Table): Node[] {
  const row = (cells: Tokens.TableCell[]) => cells.map((cell) => nodes(cell.tokens))
  return [{ kind: 'table', head: row(token.header), rows: token.rows.map(row) }]
}
