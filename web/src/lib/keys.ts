// Which key means what while a person judges. Keys with Ctrl, Alt or Meta belong to the browser, keys in a field to
// the field, and Enter on a button to the button.

export type Action =
  | { press: number }
  | 'answer'
  | 'undo'
  | 'redo'
  | 'skip'
  | 'abstain'
  | 'note'
  | 'help'
  | 'instructions'
  | 'stronger'
  | 'weaker'
  | 'surer'
  | 'less sure'

/** What a key is, as far as it matters here; a `KeyboardEvent` is one. */
export interface Key {
  key: string
  code: string
  ctrlKey: boolean
  altKey: boolean
  metaKey: boolean
  shiftKey: boolean
}

/** What has the focus: a field takes all keys, a control takes Enter and Space, a slider the digits. */
export type Focus = 'page' | 'field' | 'control'

const LETTERS: Record<string, Action> = {
  u: 'undo',
  r: 'redo',
  s: 'skip',
  a: 'abstain',
  n: 'note',
  i: 'instructions',
  '?': 'help',
  '+': 'stronger',
  '-': 'weaker',
  ']': 'surer',
  '[': 'less sure',
}

/** What `key` asks for, or null. */
export function action(key: Key, focus: Focus): Action | null {
  if (key.ctrlKey || key.altKey || key.metaKey || focus === 'field') return null
  if (key.key === 'Enter') return focus === 'control' ? null : 'answer'
  if (/^[0-9]$/.test(key.key)) return { press: Number(key.key) }
  if (key.key === 'U') return 'redo'
  const letter = LETTERS[key.key.toLowerCase()]
  if (letter !== undefined) return letter
  return elsewhere(key)
}

// Keyboards on which digits want Shift, or whose letters are not Latin, are read by where the key lies.
function elsewhere(key: Key): Action | null {
  const digit = /^Digit([0-9])$/.exec(key.code)
  if (digit && !key.shiftKey) return { press: Number(digit[1]) }
  const letter = /^Key([A-Z])$/.exec(key.code)
  if (!letter || /^[\u0000-\u007f]$/.test(key.key)) return null
  if (letter[1] === 'U' && key.shiftKey) return 'redo'
  return LETTERS[letter[1]!.toLowerCase()] ?? null
}

/** What has the focus, of an element of the page. */
export function focusOf(element: Element | null): Focus {
  if (element === null) return 'page'
  const name = element.tagName
  if (name === 'TEXTAREA' || name === 'SELECT' || (element as HTMLElement).isContentEditable) return 'field'
  if (name === 'INPUT') {
    const kind = (element as HTMLInputElement).type
    return kind === 'radio' || kind === 'checkbox' || kind === 'range' ? 'page' : 'field'
  }
  return name === 'BUTTON' || name === 'A' || name === 'SUMMARY' ? 'control' : 'page'
}

/** The keys as the help tells them. */
export const TOLD: [string, string][] = [
  ['1 – 9', 'choose a response; in a ranking, from the best on'],
  ['0', 'a tie; in a ranking, as good as the one before'],
  ['Enter', 'answer, or go on'],
  ['u', 'undo: back to your last answer, and further'],
  ['U or r', 'redo: forward again'],
  ['s', 'skip'],
  ['a', 'abstain, with a reason'],
  ['n', 'a note; Enter ends it'],
  ['+ −', 'how strong the preference is'],
  ['[ ]', 'how sure you are'],
  ['i', 'the instructions'],
  ['?', 'this help'],
]
