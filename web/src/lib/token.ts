// Which personal link this tab was opened by. A browser may have several: whoever runs an experiment at home labels in
// one tab and watches in another. A new tab takes the link that fits its page.

const HERE = 'attune.token'
const LABEL = 'attune.token.label'
const WATCH = 'attune.token.watch'

/** The secret part of this tab's personal link, or of the one that was used last for such a page; null without any. */
export function token(): string | null {
  const own = sessionStorage.getItem(HERE)
  if (own !== null) return own
  const order = location.pathname.startsWith('/label') ? [LABEL, HERE, WATCH] : [WATCH, HERE, LABEL]
  for (const place of order) {
    const secret = localStorage.getItem(place)
    if (secret !== null) return secret
  }
  return null
}

/** This tab is of this link from now on. */
export function keep(secret: string): void {
  sessionStorage.setItem(HERE, secret)
  localStorage.setItem(HERE, secret)
}

/** What this tab's link is good for. */
export function knows({ label, watch }: { label: boolean; watch: boolean }): void {
  const secret = token()
  if (secret === null) return
  sessionStorage.setItem(HERE, secret)
  if (label) localStorage.setItem(LABEL, secret)
  if (watch) localStorage.setItem(WATCH, secret)
}

/** Forgets this tab's link, wherever it is kept. */
export function forget(): void {
  const secret = token()
  sessionStorage.removeItem(HERE)
  for (const place of [HERE, LABEL, WATCH]) if (localStorage.getItem(place) === secret) localStorage.removeItem(place)
}
