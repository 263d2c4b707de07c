// One person's desk: which comparison lies on it, what is chosen and written so far, and what happens next. The pages
// show it and call it; the server is asked here and nowhere else.
import { Refusal, get, post } from '../lib/api'
import { answer, begin, even, pick, same, type Choice } from '../lib/choice'
import { Clock } from '../lib/clock'
import { Outbox, type News, type State } from '../lib/outbox'
import { ask, signOut } from '../lib/session.svelte'
import { world } from '../lib/tabs'
import type { Answer, Given, Hint, Item, Next, Progress, Settings, Taken } from '../lib/types'
import { uuid } from '../lib/uuid'
import * as draft from './draft'

export type Phase = 'loading' | 'intro' | 'naive' | 'judging' | 'sending' | 'after' | 'wait' | 'excluded' | 'trouble'

/** How often a lease is renewed while its comparison is looked at. */
const BEAT = 30_000

export class Desk {
  phase = $state<Phase>('loading')
  settings = $state<Settings | null>(null)
  item = $state.raw<Item | null>(null)
  choice = $state.raw<Choice>(begin('best', 0))
  naive = $state('')
  note = $state('')
  confidence = $state<number | null>(null)
  strength = $state<number | null>(null)
  progress = $state.raw<Progress>({ answered: 0, waiting: 0, training_left: 0, can_undo: false })
  /** How many answers back this is; 0 is the comparison that is due. */
  steps = $state(0)
  taken = $state.raw<Taken | null>(null)
  said = $state.raw<Answer | null>(null)
  outbox = $state.raw<State>({ waiting: 0, stuck: false, trouble: '' })
  /** A line for whoever sits here, read out as well. */
  notice = $state('')
  trouble = $state('')

  readonly answer = $derived(answer(this.choice))
  readonly hints = $derived<Hint[]>(this.taken?.hints ?? this.item?.hints ?? [])

  #clock = new Clock()
  #changes = 0
  #last: Answer | null = null
  #box: Outbox
  #world = world((news) => this.#heard(news))
  #ends: (() => void)[] = []
  #asked = 0
  /** Comparisons whose remarks this person has seen after an answer: a correction says so. */
  #hinted = new Set<string>()

  constructor(readonly person: string) {
    this.#box = new Outbox(person, this.#world, (state) => (this.outbox = state))
    const on = (target: EventTarget, name: string, work: () => void) => {
      target.addEventListener(name, work)
      this.#ends.push(() => target.removeEventListener(name, work))
    }
    on(document, 'visibilitychange', () => this.#turned())
    on(window, 'online', () => void this.#box.flush())
    on(window, 'pagehide', () => this.keep())
    const beat = setInterval(() => void this.#beat(), BEAT)
    this.#ends.push(() => clearInterval(beat), () => this.#world.close())
  }

  /** Leaves the desk; what was written is kept. */
  close(): void {
    this.keep()
    for (const end of this.#ends) end()
    this.#asked += 1
  }

  /** Asks for the settings, sends what waits, and goes on from there. */
  async start(): Promise<void> {
    await this.#tried(async () => {
      this.settings = await get<Settings>('/api/label/settings')
      const read = localStorage.getItem(this.#readKey())
      if (this.settings.instructions.trim() !== '' && read !== this.settings.instructions) {
        this.phase = 'intro'
        void this.#box.flush()
      } else await this.next()
    }, () => this.start())
  }

  /** The instructions were read. */
  async begin(): Promise<void> {
    try {
      localStorage.setItem(this.#readKey(), this.settings?.instructions ?? '')
    } catch {
      // They are shown again next time.
    }
    await this.next()
  }

  /** Asks for the comparison that is due. */
  async next(): Promise<void> {
    const asked = (this.#asked += 1)
    await this.#tried(async () => {
      if (this.outbox.waiting > 0 || this.phase === 'loading' || this.phase === 'trouble') await this.#box.flush()
      if (this.outbox.waiting > 0 && this.outbox.stuck) {
        // The server does not answer: what is due is what waits here.
        this.phase = this.item === null ? 'trouble' : this.phase
        this.trouble = this.outbox.trouble
        setTimeout(() => asked === this.#asked && void this.next(), 1000)
        return
      }
      const next = await get<Next>('/api/label/next')
      if (asked !== this.#asked) return
      this.progress = next.progress ?? this.progress
      this.steps = 0
      if (next.state === 'item' && next.item) return this.#lay(next.item)
      this.item = null
      this.phase = next.state === 'excluded' ? 'excluded' : 'wait'
      if (this.phase === 'wait') setTimeout(() => asked === this.#asked && this.#look(), 3000)
    }, () => this.next())
  }

  /** A digit from 1, or a click. */
  pick(place: number): void {
    this.#chosen(pick(this.choice, place))
  }

  /** 0: a tie. */
  even(): void {
    if (this.settings?.ties !== false) this.#chosen(even(this.choice))
  }

  /** A rating. */
  rate(rating: number): void {
    this.#chosen({ ...this.choice, rating })
  }

  /** The text was interpreted; the responses are shown. */
  reveal(): void {
    if (this.phase !== 'naive') return
    if (this.naive.trim() === '') {
      this.notice = 'Write first what the text says.'
      return
    }
    this.phase = 'judging'
    this.#seen()
    this.keep()
  }

  /** Answers with what is chosen; where an answer of before is unchanged, goes forward. */
  async submit(): Promise<void> {
    if (this.phase === 'after') return this.forward()
    if (this.phase !== 'judging' || this.item === null) return
    const chosen = this.answer
    const before = this.item.earlier
    if (chosen === null) {
      if (this.steps > 0 && typeof before === 'string') return this.redo()
      this.notice = this.#missing()
      return
    }
    const plain = this.note.trim() === '' && this.strength === null && this.confidence === null
    if (this.steps > 0 && same(chosen, before) && plain) return this.redo()
    await this.give(chosen)
  }

  /** Gives an answer: keeps it in the browser, sends it, and goes on when it is on the server's disk. */
  async give(said: Answer, reason?: string): Promise<void> {
    const { item } = this
    if (item === null || this.phase !== 'judging') return
    this.#clock.stop()
    this.phase = 'sending'
    this.notice = ''
    this.said = said
    const note = this.note.trim()
    const given: Given = {
      item: item.id,
      client: uuid(),
      answer: said,
      shown_ms: Math.round(this.#clock.ms()),
      changes: this.#changes,
      hints_shown: (item.hints?.length ?? 0) > 0 || this.#hinted.has(item.id),
      ...(this.settings?.confidence && this.confidence !== null ? { confidence: this.confidence } : {}),
      ...(this.settings?.strength && this.strength !== null ? { strength: this.strength } : {}),
      ...(note !== '' ? { note } : {}),
      ...(reason ? { reason } : {}),
      ...(this.settings?.naive && this.naive.trim() !== '' ? { naive: this.naive.trim() } : {}),
    }
    const news = await this.#box.put(given)
    if (this.item?.id !== item.id || this.phase !== 'sending') return
    if (news.taken === null) {
      await this.next()
      this.notice = `Your answer was not taken: ${news.refused ?? 'the server refused it'}.`
      return
    }
    draft.forget()
    this.taken = news.taken
    if (news.taken.answered > 0) this.progress = { ...this.progress, answered: news.taken.answered, can_undo: true }
    const remarks = (news.taken.hints?.length ?? 0) > 0
    if (remarks) this.#hinted.add(item.id)
    if (remarks || news.taken.feedback) this.phase = 'after'
    else await this.forward()
  }

  /** On to the comparison after this one. */
  async forward(): Promise<void> {
    if (this.steps > 1) return this.#back(this.steps - 1)
    await this.next()
  }

  /** To the answer before. */
  async undo(): Promise<void> {
    if (this.phase === 'sending' || this.phase === 'loading' || this.phase === 'intro') return
    this.keep()
    await this.#back(this.steps + 1)
  }

  /** Forward again. */
  async redo(): Promise<void> {
    if (this.steps === 0 || this.phase === 'sending') return
    await this.forward()
  }

  /** Keeps what is chosen and written for a reload. */
  keep(): void {
    const { item } = this
    if (item === null || this.steps > 0 || (this.phase !== 'judging' && this.phase !== 'naive')) return
    draft.keep({
      person: this.person,
      item: item.id,
      choice: this.choice,
      naive: this.naive,
      shown: this.phase === 'judging',
      note: this.note,
      confidence: this.confidence,
      strength: this.strength,
      ms: this.#clock.ms(),
      changes: this.#changes,
      last: this.#last,
    })
  }

  async #back(steps: number): Promise<void> {
    const asked = (this.#asked += 1)
    await this.#tried(async () => {
      const { item } = await get<{ item: Item | null }>(`/api/label/back?steps=${steps}`)
      if (asked !== this.#asked) return
      if (item === null) {
        this.notice = 'There is nothing earlier to go back to.'
        if (this.phase === 'wait') await this.next()
        return
      }
      this.steps = steps
      this.notice = ''
      this.#lay(item)
    }, this.phase === 'sending' ? () => this.#back(steps) : undefined)
  }

  #lay(item: Item): void {
    const same = this.item?.id === item.id && this.steps === 0 && this.phase === 'judging'
    if (same) return
    const left = this.steps === 0 ? draft.kept(this.person, item.id) : null
    this.item = item
    this.taken = null
    this.said = null
    this.choice = left?.choice ?? begin(item.mode, item.responses.length, item.earlier)
    this.naive = left?.naive ?? ''
    this.note = left?.note ?? ''
    this.confidence = left?.confidence ?? null
    this.strength = left?.strength ?? null
    this.#changes = left?.changes ?? 0
    this.#last = left?.last ?? answer(this.choice)
    this.#clock = new Clock(left?.ms ?? 0)
    const first = this.settings?.naive === true && this.steps === 0 && left?.shown !== true
    this.phase = first ? 'naive' : 'judging'
    this.#seen()
  }

  #chosen(choice: Choice): void {
    if (this.phase !== 'judging') return
    this.choice = choice
    this.notice = ''
    const whole = answer(choice)
    if (whole !== null && !same(whole, this.#last)) {
      if (this.#last !== null) this.#changes += 1
      this.#last = whole
    }
    this.keep()
  }

  #seen(): void {
    if (document.visibilityState === 'visible' && this.phase === 'judging') this.#clock.start()
    else this.#clock.stop()
  }

  // A page that nobody sees asks for nothing; it looks when it is seen again.
  #look(): void {
    if (document.visibilityState === 'visible') void this.next()
  }

  // The page was hidden or is seen again, perhaps after hours: then the lease may be over.
  #turned(): void {
    this.#seen()
    if (document.visibilityState === 'hidden') this.keep()
    else if (this.phase === 'wait') void this.next()
    else void this.#beat()
  }

  async #beat(): Promise<void> {
    const { item, phase } = this
    if (item === null || this.steps > 0 || (phase !== 'judging' && phase !== 'naive')) return
    if (document.visibilityState !== 'visible') return
    const said = await post<{ kept: boolean }>('/api/label/keep', { item: item.id }).catch(() => null)
    if (said?.kept === false && this.item?.id === item.id && this.steps === 0) await this.next()
  }

  // Another tab of this browser has answered: what lies here may be answered by it.
  #heard(news: News): void {
    this.#box.heard(news)
    if (news.person !== this.person || news.item !== this.item?.id || this.phase === 'sending') return
    if (this.steps === 0 && (this.phase === 'judging' || this.phase === 'naive')) {
      draft.forget()
      this.item = null
      void this.next().then(() => (this.notice = 'The comparison before was answered in another tab.'))
    }
  }

  #missing(): string {
    if (this.choice.mode === 'rating') return 'Choose a value first.'
    if (this.choice.mode === 'ranking') return 'Place all responses first, from the best on.'
    return this.choice.tie ? 'Choose at least two that are equally good.' : 'Choose a response first, or 0 for a tie.'
  }

  #readKey(): string {
    return `attune.read.${this.person}`
  }

  async #tried(work: () => Promise<void>, again?: () => Promise<void>): Promise<void> {
    const asked = this.#asked
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.status === 401) return signOut(error)
      if (error.status === 403) void ask()
      this.trouble = error.message
      if (this.item === null) this.phase = 'trouble'
      else this.notice = error.passing && again ? `${error.message}; trying again …` : error.message
      if (error.passing && again) setTimeout(() => asked === this.#asked && void again(), 1500)
    }
  }
}
