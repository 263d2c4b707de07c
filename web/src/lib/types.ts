// What the server and the pages say to each other. Places of responses are those that were shown.

/** What a person says of a comparison; the same JSON as in a store of labels. */
export type Answer =
  | { best: number }
  | { tie: number[] }
  | { ranking: number[][] }
  | { rating: number }
  | { difference: number }
  | 'abstain'
  | 'skip'

export type Mode = 'best' | 'pair' | 'ranking' | 'rating'

/** A remark of the labeler plugin on part of a response; `start` and `end` count code points. */
export interface Hint {
  response: number
  start: number
  end: number
  note: string
}

/** One comparison, as this person is to see it. */
export interface Item {
  id: string
  query: string
  responses: string[]
  mode: Mode
  hints: Hint[] | null
  earlier: Answer | null
  number: number
  training?: boolean
}

/** What the page tells of one answer. `client` is made once an answer, so that it can be sent twice and kept once. */
export interface Given {
  item: string
  client: string
  answer: Answer
  shown_ms: number
  changes: number
  confidence?: number
  strength?: number
  note?: string
  reason?: string
  naive?: string
  hints_shown: boolean
}

export interface Feedback {
  right: boolean
  answer: Answer
  why: string
}

/** What the server says once an answer is on the disk. */
export interface Taken {
  kept: boolean
  hints?: Hint[] | null
  feedback?: Feedback | null
  answered: number
}

export interface Progress {
  answered: number
  waiting: number
  training_left: number
  can_undo: boolean
}

export interface Next {
  state: 'item' | 'wait' | 'excluded'
  item?: Item
  progress?: Progress
}

export interface Settings {
  title: string
  instructions: string
  mode: Mode
  ties: boolean
  naive: boolean
  confidence: boolean
  strength: boolean
  notes: boolean
  hints: 'off' | 'after' | 'before'
  scale: [number, number]
  abstain_reasons: string[]
}

export type Role = 'labeler' | 'researcher'

export interface Me {
  name: string
  role: Role
  /** Whether this person may judge here. */
  label: boolean
  runs: number
  /** Whether there is a store of labels. */
  store: boolean
  /** What tells the store from another that is served at the same address. */
  room: string | null
}

interface Right {
  right: number
  of: number
}
interface Share {
  share: number | null
  of: number
}

export interface PersonQuality {
  name: string
  role: Role
  excluded: boolean
  /** Whether a personal link leads in. */
  link: boolean
  answers: number
  per_hour: number | null
  median_ms: number | null
  too_fast: number
  gold: Right
  attention: Right
  repeats: { same: number; of: number }
  agreement: { with_others: number; of: number }
  first_place: Share
  longest: Share
  alarms: string[]
}

export interface Quality {
  people: PersonQuality[]
  alpha: number | null
  labels: number
  pending: number
  overlap_done: number
  adjudicated: number
}

export interface Disagreement {
  key: string
  query: string
  responses: string[]
  said: { name: string; answer: Answer; note?: string | null }[]
  adjudicated: Answer | null
}

export interface RunRef {
  id: string
  name: string
  dir_name: string
  stage: string
  state: 'running' | 'stopped' | 'done'
  update: number
  updates: number | null
  /** Seconds since 1970. */
  started: number | null
  /** Alarms that hold now. */
  alarms: number
}

/** An alarm begins or is over, as `events.jsonl` has it. */
export interface Alarm {
  alarm: string
  state: 'begins' | 'over'
  update: number
  what: string
  hint: string
}

export interface PluginUse {
  name: string
  version: string
  sha256: string
  kind: string
  /** Milliseconds of an update, where no other plugin plays. */
  ms: number | null
  /** The share of rows that it failed on, where no other plugin plays. */
  errors: number | null
}

export interface RunHeader {
  id: string
  name: string
  stage: string
  state: 'running' | 'stopped' | 'done'
  config: string
  manifest: unknown
  update: number
  updates: number | null
  eta_seconds: number | null
  keys: string[]
  plugins: PluginUse[]
  /** Seconds that all plugins took in the last update. */
  plugin_seconds: number | null
  /** The share of rows that a plugin failed on. */
  error_rate: number | null
  labels: { due: number; given: number } | null
  alarms: Alarm[]
}

/** Columns of numbers that share their updates. */
export interface Columns {
  update: number[]
  series: Record<string, (number | null)[]>
}

export interface SampleRow {
  update: number
  query: string
  response: string
  score: number | null
  kl: number | null
  valid: boolean
  error?: string | null
  parts?: [string, number | null][]
  tokens?: [string, number][]
}
