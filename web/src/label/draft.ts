// What is chosen and written of a comparison that is not answered yet, so that a reload or a crash loses none of it.
// It belongs to one tab.
import type { Choice } from '../lib/choice'
import type { Answer } from '../lib/types'

/** What is kept of one comparison until it is answered. */
export interface Draft {
  person: string
  item: string
  choice: Choice
  naive: string
  /** Whether the responses have been shown. */
  shown: boolean
  note: string
  confidence: number | null
  strength: number | null
  /** Milliseconds from display on. */
  ms: number
  changes: number
  /** The last whole answer, of which another one is a change of mind. */
  last: Answer | null
}

const KEY = 'attune.draft'

/** Keeps `draft` for this tab. A full storage keeps nothing, and the page works all the same. */
export function keep(draft: Draft): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(draft))
  } catch {
    // Nothing is lost but what a reload would have brought back.
  }
}

/** What was kept of `item`, if it was of this person. */
export function kept(person: string, item: string): Draft | null {
  try {
    const draft = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Draft | null
    return draft?.person === person && draft.item === item ? draft : null
  } catch {
    return null
  }
}

/** Forgets what was kept. */
export function forget(): void {
  sessionStorage.removeItem(KEY)
}
