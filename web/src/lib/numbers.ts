// Numbers as people read them.

/** A whole number with commas between thousands. */
export function count(n: number): string {
  return n.toLocaleString('en')
}

/** A share in per cent; of nothing a dash. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${Math.round(share * 100)} %`
}

/** `3 of 20`, or `3` where nobody knows how many there will be. */
export function of(part: number, whole: number | null | undefined): string {
  return whole === null || whole === undefined ? count(part) : `${count(part)} of ${count(whole)}`
}

/** A number with about four digits that matter. */
export function short(x: number | null | undefined): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return '–'
  const size = Math.abs(x)
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return x.toExponential(2)
  if (Number.isInteger(x)) return count(x)
  return x.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 3 : 4)
}

/** A number on an axis whose ticks are `step` apart: with the digits in which they differ. */
export function tick(x: number, step: number): string {
  const size = Math.abs(x)
  if (size !== 0 && (step < 1e-6 || size >= 1e6)) return x.toExponential(1)
  return x.toLocaleString('en', { maximumFractionDigits: Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)) })
}

/** Seconds in words: `42 ms`, `4.2 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–'
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}
