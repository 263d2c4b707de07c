// Runs that a mock server shows: numbers that follow from the update, so that every test sees the same.
import type { ServerResponse } from 'node:http'

import type { Alarm, Columns, RunHeader, RunRef, SampleRow } from '../src/lib/types'
import { json, refuse } from './mock'

const KEYS = ['objective/score', 'objective/kl', 'objective/kl_coef', 'objective/entropy', 'objective/score_total', 'objective/valid', 'ppo/loss/policy', 'ppo/loss/value', 'ppo/policy/clipfrac', 'response/length', 'sampling/mismatch_kl', 'time/rollout', 'time/update', 'measure/lead3']

interface Run {
  ref: RunRef
  seed: number
  alarms: Alarm[]
}

export class MockRuns {
  #runs: Run[] = []
  #streams = new Map<string, ServerResponse[]>()

  list(): RunRef[] {
    return this.#runs.map(({ ref }) => ref)
  }

  /** A run that has made `update` updates. */
  add(id: string, name: string, update: number, updates: number, state: RunRef['state'], alarms: Alarm[] = []): void {
    const holding = alarms.filter(({ state }) => state === 'begins').length
    this.#runs.push({ ref: { id, name, dir_name: id, stage: 'policy', state, update, updates, started: 1_780_000_000, alarms: holding }, seed: this.#runs.length, alarms })
  }

  /** The run makes one more update, and tells whoever watches. */
  grow(id: string): void {
    const run = this.#runs.find(({ ref }) => ref.id === id)!
    run.ref.update += 1
    const at = run.ref.update - 1
    const series = Object.fromEntries(KEYS.map((key) => [key, [value(key, at, run.seed)]]))
    this.#tell(id, 'metrics', { update: [at], series })
    this.#tell(id, 'sample', sample(at, run.seed))
    this.#tell(id, 'state', { state: run.ref.state, update: run.ref.update, updates: run.ref.updates, eta_seconds: (run.ref.updates! - run.ref.update) * 7.5 })
  }

  watchers(id: string): number {
    return (this.#streams.get(id) ?? []).filter((stream) => !stream.destroyed).length
  }

  #tell(id: string, event: string, data: unknown): void {
    for (const stream of this.#streams.get(id) ?? []) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  answer(url: URL, response: ServerResponse): void {
    const [, , , id, what] = url.pathname.split('/')
    if (id === undefined) return json(response, this.list())
    const run = this.#runs.find(({ ref }) => ref.id === decodeURIComponent(id))
    if (!run) return refuse(response, 404, 'there is no such run')
    switch (what) {
      case undefined:
        return json(response, header(run))
      case 'metrics':
        return json(response, columns(run, url.searchParams.get('keys')!.split(','), Number(url.searchParams.get('points'))))
      case 'samples':
        return json(response, [3, 2, 1].map((back) => sample(run.ref.update - back, run.seed)))
      case 'stream':
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write(': here\n\n')
        this.#streams.set(run.ref.id, [...(this.#streams.get(run.ref.id) ?? []), response])
        return
      case 'report':
        response.setHeader('content-type', 'text/html')
        return void response.end('<!doctype html><title>Report</title><h1>Report</h1>')
      default:
        return refuse(response, 404, 'there is nothing here')
    }
  }
}

function header({ ref, alarms }: Run): RunHeader {
  return {
    ...ref,
    config: '[task]\nplugin = "tldr"\n\n[ppo]\nbatch_size = 64\nlr = 2e-6\n\n[kl]\ncoef = 0.15\n',
    manifest: null,
    eta_seconds: ref.state === 'running' ? (ref.updates! - ref.update) * 7.5 : null,
    keys: KEYS,
    plugins: [
      { kind: 'task', name: 'tldr', version: '0.1.0', sha256: '3b7f'.repeat(16), ms: null, errors: null },
      { kind: 'shaper', name: 'length', version: '0.2.1', sha256: '91c0'.repeat(16), ms: null, errors: null },
    ],
    plugin_seconds: 0.0421,
    error_rate: 0,
    labels: ref.state === 'running' ? { due: 240, given: 212 } : null,
    alarms,
  }
}

function columns(run: Run, keys: string[], points: number): Columns {
  const step = Math.max(1, Math.ceil(run.ref.update / points))
  const update = Array.from({ length: Math.ceil(run.ref.update / step) }, (_, at) => at * step)
  return { update, series: Object.fromEntries(keys.map((key) => [key, update.map((at) => value(key, at, run.seed))])) }
}

function value(key: string, at: number, seed: number): number {
  let hash = seed + 1
  for (const letter of key) hash = (hash * 31 + letter.charCodeAt(0)) % 997
  const noise = Math.sin(at * 12.9898 + hash) * 0.5 + Math.sin(at * 78.233 + hash * 3) * 0.3
  const rise = 1 - Math.exp(-at / (60 + (hash % 50)))
  const scale = 0.5 + (hash % 7)
  return scale * rise + 0.12 * scale * noise + (key.includes('loss') ? 2 / (1 + at / 20) : 0)
}

function sample(update: number, seed: number): SampleRow {
  const words = [' A', ' short', ' account', ' of', ' what', ' the', ' package', ' does', ',', ' without', ' the', ' history', '.']
  const tokens = words.map((word, at) => [word, Math.round(2.4 * Math.sin(at * 1.7 + update + seed) * 100) / 100] as [string, number])
  return {
    update,
    query: 'graph-tools contains programs for drawing, counting and comparing large graphs. It reads GraphML, DOT and edge lists.',
    response: words.join(''),
    score: 1.2 + Math.sin(update),
    kl: tokens.reduce((sum, [, kl]) => sum + kl, 0),
    valid: update % 4 !== 0,
    parts: [['reward_model', 1.31 + Math.sin(update)], ['length', -0.11], ['kl', -0.4]],
    tokens,
  }
}
