// Who sits here, and which page is open. Both are seen by all components.
import { Refusal, enter, get, leave, whenEstranged } from './api'
import { knows, token } from './token'
import type { Me } from './types'

/** What is known of the person: `asking` at first, `out` where a personal link must be opened. */
export const session = $state<{ signed: 'asking' | 'in' | 'out'; me: Me | null; trouble: string }>({
  signed: 'asking',
  me: null,
  trouble: '',
})

/** The page that is open, as the address has it. */
export const place = $state({ path: location.pathname, search: location.search })

/** Opens another page of ours without loading it. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  place.path = location.pathname
  place.search = location.search
}

addEventListener('popstate', () => {
  place.path = location.pathname
  place.search = location.search
})

/** Asks who sits here. Without the server it is who it was: answers may be waiting in this browser. */
export async function ask(): Promise<void> {
  // Whoever entered here has left the token here.
  if (token() === null) {
    session.signed = 'out'
    return
  }
  try {
    session.me = await get<Me>('/api/me')
    session.signed = 'in'
    session.trouble = ''
    knows({ label: session.me.label, watch: session.me.role === 'researcher' })
  } catch (error) {
    if (error instanceof Refusal && error.passing) {
      session.trouble = error.message
      setTimeout(() => void ask(), 2000)
      return
    }
    signOut(error)
  }
}

whenEstranged(signOut)

/** Nobody sits here any more, because the server says so. */
export function signOut(error: unknown): void {
  session.signed = 'out'
  session.me = null
  session.trouble = token() === null ? '' : error instanceof Error ? error.message : String(error)
}

/** Reads the token of a personal link out of the address, takes it out of there, and enters with it. */
export async function open(): Promise<void> {
  const secret = decodeURIComponent(location.hash.slice(1))
  go('/enter', true)
  try {
    if (secret !== '') await enter(secret)
    await ask()
    if (session.signed === 'in') go(home(session.me), true)
  } catch (error) {
    signOut(error)
    session.trouble = error instanceof Error ? error.message : String(error)
  }
}

/** Leaves: the token is forgotten here, and the session ended there. */
export async function close(): Promise<void> {
  await leave()
  session.signed = 'out'
  session.me = null
  session.trouble = ''
}

/** The page that a person wants first: who may judge is wanted for that. */
export function home(me: Me | null): string {
  if (me === null) return '/enter'
  if (me.label || me.role === 'labeler') return '/label'
  return me.runs > 0 || !me.store ? '/runs' : '/people'
}
