// A run that is looked at: its header, the columns of what is shown, its newest samples, and what the server sends of
// it while the page is seen.
import { get, stream } from '../lib/api'
import { appended } from '../lib/curves'
import type { Alarm, Columns, RunHeader, SampleRow } from '../lib/types'

const POINTS = 1000
// Samples are asked for by update, and each may have several.
const UPDATES = 4
const SAMPLES = 12

export class Watched {
  header = $state.raw<RunHeader | null>(null)
  columns = $state.raw<Columns>({ update: [], series: {} })
  samples = $state.raw<SampleRow[]>([])
  trouble = $state('')
  live = $state(false)

  #keys = new Set<string>()
  #source: EventSource | null = null
  #waiting: Columns[] = []
  /** What the stream said last: columns that are read meanwhile may lack it. */
  #recent: Columns[] = []
  #drawing = false
  #tries = 0
  /** Number of the stream that is listened to; one that is opened later takes its place. */
  #number = 0
  #opening = false
  #over = false

  constructor(readonly id: string) {}

  /** Reads the run as it is now, and listens to what comes. */
  async start(): Promise<void> {
    await this.#tried(async () => {
      this.header = await get<RunHeader>(this.#path(''))
      const samples = await get<SampleRow[]>(this.#path(`/samples?last=${UPDATES}`))
      this.samples = samples.sort((a, b) => b.update - a.update).slice(0, SAMPLES)
      await this.#read()
      this.#listen()
    })
  }

  /** Ends listening. */
  stop(): void {
    this.#number += 1
    this.#source?.close()
    this.#source = null
    this.live = false
  }

  /** The run is not looked at any more. */
  close(): void {
    this.#over = true
    this.stop()
  }

  /** Columns of `keys` are shown from now on. */
  async want(keys: string[]): Promise<void> {
    const fresh = keys.filter((key) => !this.#keys.has(key) && this.header?.keys.includes(key))
    if (fresh.length === 0) return
    for (const key of fresh) this.#keys.add(key)
    await this.#tried(() => this.#read())
  }

  async #read(): Promise<void> {
    const keys = [...this.#keys].map(encodeURIComponent).join(',')
    // Without a key there is nothing to draw yet.
    if (keys === '') return
    const read = await get<Columns>(this.#path(`/metrics?keys=${keys}&points=${POINTS}`))
    this.columns = this.#recent.reduce(appended, read)
  }

  #listen(): void {
    if (this.#source !== null || this.#opening || this.#over || this.header?.state === 'done' || document.visibilityState !== 'visible') return
    // From where the columns end, so that nothing is missing between.
    const last = this.columns.update.at(-1) ?? this.header?.update
    const number = (this.#number += 1)
    this.#opening = true
    stream(this.#path(last === undefined ? '/stream' : `/stream?after=${last}`), (source) => {
      this.#opening = false
      if (number === this.#number && !this.#over) this.#hear(source)
      else source.close()
    })
  }

  #hear(source: EventSource): void {
    this.#source = source
    source.onopen = () => {
      this.live = true
      this.#tries = 0
    }
    // What the browser does not open again by itself, because the server was started anew, is opened here.
    source.onerror = () => {
      this.live = false
      if (source.readyState !== EventSource.CLOSED) return
      this.stop()
      this.#tries += 1
      setTimeout(() => !this.#over && void this.start(), Math.min(15_000, 1000 * 2 ** this.#tries))
    }
    const on = <T>(name: string, work: (data: T) => void) =>
      source.addEventListener(name, (event) => work(JSON.parse((event as MessageEvent<string>).data) as T))
    on<Columns>('metrics', (more) => this.#grow(more))
    on<SampleRow>('sample', (row) => this.#sample(row))
    on<Alarm>('alarm', (alarm) => this.#alarm(alarm))
    on<Partial<RunHeader>>('state', (state) => {
      if (this.header) this.header = { ...this.header, ...state }
    })
    // A run that was resumed has cut its files: what is shown here may never have been.
    on('restart', () => {
      this.stop()
      this.columns = { update: [], series: {} }
      this.#recent = []
      void this.start()
    })
  }

  // What comes within one frame is drawn once.
  #grow(more: Columns): void {
    this.#waiting.push(more)
    this.#recent = [...this.#recent, more].slice(-20)
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame(() => {
      this.#drawing = false
      const parts = this.#waiting.splice(0)
      let columns = this.columns
      for (const part of parts) columns = appended(columns, part)
      this.columns = columns
      const last = parts.flatMap(({ update }) => update).at(-1)
      if (this.header && last !== undefined) this.#grown(parts, last)
      if (columns.update.length > 3 * POINTS) void this.#tried(() => this.#read())
    })
  }

  // The stream may say again what was read already.
  #sample(row: SampleRow): void {
    const same = (other: SampleRow) => other.update === row.update && other.query === row.query && other.response === row.response
    if (!this.samples.some(same)) this.samples = [row, ...this.samples].slice(0, SAMPLES)
  }

  #grown(parts: Columns[], last: number): void {
    const header = this.header!
    const known = new Set(header.keys)
    const fresh = parts.flatMap(({ series }) => Object.keys(series)).filter((key) => !known.has(key))
    const keys = fresh.length > 0 ? [...header.keys, ...new Set(fresh)] : header.keys
    this.header = { ...header, keys, update: Math.max(header.update, last) }
  }

  #alarm(alarm: Alarm): void {
    if (this.header) this.header = { ...this.header, alarms: [...this.header.alarms, alarm] }
  }

  #path(rest: string): string {
    return `/api/runs/${encodeURIComponent(this.id)}${rest}`
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.trouble = ''
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error)
    }
  }
}
