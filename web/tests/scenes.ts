// What tests and pictures of the pages show: texts, people and runs that look like real ones, and hostile ones.
import type { Quality } from '../src/lib/types'
import { Mock, SETTINGS, type Comparison } from './mock'

export const INSTRUCTIONS = `# Which summary is better?

You see the long description of a program, and two one-line summaries of it. Choose the one that would help more
somebody who looks for **such a program** and has never heard of this one.

## What matters, in this order

1. It is **true**: nothing in it that the description does not say.
2. It says what the program *does*, not how it is built.
3. It is short.

> Good: \`draws large graphs and compares them\`
>
> Bad: \`next-generation graph solution written in C++\`

- When both are wrong, abstain and say so.
- When you cannot tell, call it a tie.

<script>alert('instructions')</script>

| summary | verdict |
| --- | --- |
| plays chess by mail | good |
| a program | bad: true of everything |
`

const TEXTS: Comparison[] = [
  {
    query: 'graph-tools contains programs for drawing, counting and comparing large graphs. It reads GraphML, DOT and edge lists, and writes SVG. Layouts of a million nodes take seconds, because only what can be seen is drawn.\n\nThis package contains the command-line programs.',
    responses: [' draws, counts and compares large graphs from the command line', ' drawing, counting and comparing large graphs. It reads GraphML, DOT and edge lists, made by the Graphviz team'],
    hints: [
      { response: 1, start: 1, end: 83, note: 'copied from the text word for word' },
      { response: 1, start: 97, end: 105, note: 'a name that is not in the text' },
    ],
    training: { answer: { best: 0 }, why: 'The second copies the description, and names a team that it does not mention.' },
  },
  {
    query: 'mailchess lets two people play chess by e-mail. It keeps the games in plain files, checks that moves are legal, and draws the board as text.',
    responses: [' play chess by e-mail', ' a chess engine with a graphical board'],
  },
  { query: 'A third text.', responses: [' one', ' two'] },
]

/** Four responses to one query. */
export const FOUR: Comparison = {
  query: TEXTS[0]!.query,
  responses: [...TEXTS[0]!.responses, ' graph drawing', ' tools for graphs: draw them, count what is in them, compare one with another; reads GraphML and DOT'],
}

export const HOSTILE: Comparison = {
  query: '<script>alert(1)</script><img src=x onerror=alert(2)> \u001b[31mred\u001b[0m \u202Eevil\u202C zero\u200Bwidth \u0000 nul',
  responses: ['x'.repeat(1 << 20), `שלום עולם, this is right to left: مرحبا بالعالم\u202E abc ${'W\u0300\u0301\u0302\u0303'.repeat(50)}`],
}

export function scene(settings = {}, comparisons: Comparison[] = TEXTS): Mock {
  return new Mock(structuredClone(comparisons), { ...SETTINGS, ...settings })
}

const none = { right: 0, of: 0 }

export const QUALITY: Quality = {
  alpha: 0.714,
  labels: 1284,
  pending: 76,
  overlap_done: 148,
  adjudicated: 3,
  people: [
    {
      name: 'Ann Olofsson', role: 'labeler', excluded: false, link: true, answers: 512, per_hour: 96, median_ms: 18_400, too_fast: 3,
      gold: { right: 48, of: 51 }, attention: { right: 12, of: 12 }, repeats: { same: 23, of: 25 }, agreement: { with_others: 61, of: 74 },
      first_place: { share: 0.52, of: 480 }, longest: { share: 0.47, of: 480 }, alarms: [],
    },
    {
      name: 'ben', role: 'labeler', excluded: false, link: true, answers: 640, per_hour: 611, median_ms: 2_100, too_fast: 402,
      gold: { right: 33, of: 63 }, attention: { right: 5, of: 14 }, repeats: { same: 16, of: 31 }, agreement: { with_others: 39, of: 80 },
      first_place: { share: 0.49, of: 640 }, longest: { share: 0.55, of: 640 },
      alarms: ['402 of 640 answers came faster than the text can be read', '33 of 63 right on gold is what chance gives'],
    },
    {
      name: 'كارلا', role: 'labeler', excluded: true, link: false, answers: 120, per_hour: 240, median_ms: 6_000, too_fast: 20,
      gold: { right: 6, of: 12 }, attention: { right: 1, of: 3 }, repeats: { same: 3, of: 6 }, agreement: { with_others: 8, of: 16 },
      first_place: { share: 1, of: 118 }, longest: { share: 0.5, of: 118 }, alarms: ['the first response was chosen in 118 of 118'],
    },
    {
      name: 'dora', role: 'researcher', excluded: false, link: true, answers: 0, per_hour: null, median_ms: null, too_fast: 0,
      gold: none, attention: none, repeats: { same: 0, of: 0 }, agreement: { with_others: 0, of: 0 },
      first_place: { share: null, of: 0 }, longest: { share: null, of: 0 }, alarms: [],
    },
  ],
}

/** People, disagreements and runs, for a researcher. */
export function filled(mock: Mock): Mock {
  mock.quality = structuredClone(QUALITY)
  mock.disagreements = [
    {
      key: 'k1', query: TEXTS[0]!.query, responses: TEXTS[0]!.responses, adjudicated: null,
      said: [
        { name: 'Ann Olofsson', answer: { best: 0 }, note: 'the other one is copied' },
        { name: 'ben', answer: { best: 1 }, note: null },
      ],
    },
    { key: 'k2', query: TEXTS[1]!.query, responses: TEXTS[1]!.responses, adjudicated: null, said: [{ name: 'Ann Olofsson', answer: { best: 0 } }, { name: 'ben', answer: { tie: [0, 1] } }] },
  ]
  mock.runs.add('a1b2', 'tldr from people', 312, 1000, 'running', [
    { alarm: 'length', state: 'begins', update: 120, what: 'responses have 4.1 tokens, 2.9 times fewer than at the beginning (5 updates in a row)', hint: 'look at samples.jsonl: a reward that likes short responses wants a shaper on length' },
    { alarm: 'length', state: 'over', update: 141, what: 'responses have 4.1 tokens', hint: '' },
    { alarm: 'kl', state: 'begins', update: 301, what: 'KL is 14.2 nats, above 2 × kl.target = 12 (5 updates in a row)', hint: 'raise kl.coef, or lower ppo.lr' },
  ])
  mock.runs.add('c3d4', 'tldr, no length shaper', 1000, 1000, 'done')
  mock.runs.add('e5f6', 'tldr, kl.coef 0.05', 640, 1000, 'stopped', [
    { alarm: 'entropy', state: 'begins', update: 610, what: 'entropy is 0.314 nats a token', hint: 'lower ppo.lr, or raise kl.coef' },
  ])
  return mock
}
