// Alarms as spans of updates, made of the events that begin and end them.
import type { Alarm } from './types'

/** A time in which an alarm held; `over` is null while it holds. */
export interface Span {
  alarm: string
  from: number
  over: number | null
  what: string
  hint: string
}

/** Spans of `events`, which stand in the order in which they happened; a resumed run may say one twice. */
export function spans(events: Alarm[]): Span[] {
  const found: Span[] = []
  for (const { alarm, state, update, what, hint } of events) {
    const open = found.find((span) => span.alarm === alarm && span.over === null)
    if (state === 'over') {
      if (open) open.over = update
    } else if (!open) found.push({ alarm, from: update, over: null, what, hint })
  }
  return found
}
