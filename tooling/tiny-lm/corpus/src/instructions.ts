import type { Rng } from '@tersor/core-tensor'
import {
  adjectives,
  animals,
  between,
  drawInSplit,
  men,
  names,
  objects,
  pick,
  pickFrequent,
  pickFrequentDistinct,
  places,
  roles,
  type Sample,
  type SampleOptions,
  women,
} from '@tersor/tasks'

/** What may be in a list, with what it is called. */
const classes = [
  ['person', names],
  ['place', places],
  ['thing', objects],
  ['animal', animals],
] as const

const numerals = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']

/** Ways to ask for something that only the request decides. */
const instructions: readonly ((rng: Rng) => [request: string, answer: string])[] = [
  rng => {
    const word = pickFrequent(rng, objects)
    const times = between(rng, 2, 6)
    const verb = pick(rng, ['Say', 'Write', 'Repeat'])
    return [`${verb} the word ${word} ${numerals[times]} times.`, Array(times).fill(word).join(' ')]
  },
  rng => {
    const [kind, list] = pick(rng, classes)
    const answer = pickFrequent(rng, list)
    const others = classes.filter(([other]) => other !== kind).map(([, other]) => pickFrequent(rng, other))
    const question = pick(rng, [
      `Which of these is a ${kind}`,
      `Find the ${kind}`,
      `Name the ${kind} in this list`,
    ])
    return [
      `${question}: ${shuffle(rng, [answer, ...others]).join(', ')}`.replace(' a animal', ' an animal'),
      answer,
    ]
  },
  rng => {
    const list = words(rng, between(rng, 3, 7))
    const [which, answer] = pick(rng, [
      ['first', list[0]],
      ['second', list[1]],
      ['last', list[list.length - 1]],
      ['next to last', list[list.length - 2]],
    ] as const)
    return [`What is the ${which} word of: ${list.join(' ')}?`, answer!]
  },
  rng => {
    const list = words(rng, between(rng, 2, 7))
    const question = pick(rng, ['How many words are in', 'Count the words of'])
    return [`${question}: ${list.join(' ')}.`, numerals[list.length]!]
  },
  rng => {
    const [a, b] = [rng.integer(1000), rng.integer(1000)]
    const [word, isSo] = rng.integer(2) === 0 ? ['greater', a > b] : ['smaller', a < b]
    return [`Is ${a} ${word} than ${b}?`, isSo ? 'yes' : 'no']
  },
  rng => {
    const [a, b] = [rng.integer(1000), rng.integer(1000)]
    const isMore = rng.integer(2) === 0
    return [
      `Which is ${isMore ? 'more' : 'less'}, ${a} or ${b}?`,
      `${isMore ? Math.max(a, b) : Math.min(a, b)}`,
    ]
  },
  rng => {
    const phrase = `the ${pickFrequent(rng, adjectives)} ${pickFrequent(rng, objects)} of ${pickFrequent(rng, names)}`
    const form = pick(rng, ['Repeat after me', 'Say this', 'Write this down'])
    return [`${form}: ${phrase}`, phrase]
  },
  rng => {
    const [a, b] = [pickFrequent(rng, women), pickFrequent(rng, men)]
    const [first, second] = shuffle(rng, [a, b])
    const isShe = rng.integer(2) === 0
    return [`${first} and ${second} met. Who is meant by ${isShe ? 'she' : 'he'}?`, isShe ? a : b]
  },
  rng => {
    const [adjective, object, name] = [
      pickFrequent(rng, adjectives),
      pickFrequent(rng, objects),
      pickFrequent(rng, names),
    ]
    const [question, answer] = pick(rng, [
      [`What does ${name} have`, `the ${adjective} ${object}`],
      ['Who has it', name],
      [`What is the ${object} like`, adjective],
    ] as const)
    return [`${name} has the ${adjective} ${object}. ${question}?`, answer]
  },
  rng => {
    const list = words(rng, between(rng, 4, 8))
    const at = between(rng, 0, list.length - 2)
    const [side, key, answer] =
      rng.integer(2) === 0 ? ['after', list[at]!, list[at + 1]!] : ['before', list[at + 1]!, list[at]!]
    return [`In the list ${list.join(', ')}: which word comes right ${side} ${key}?`, answer]
  },
  rng => {
    const list = words(rng, between(rng, 3, 6))
    const left = pick(rng, list)
    return [`Leave out ${left}: ${list.join(' ')}`, list.filter(word => word !== left).join(' ')]
  },
  rng => {
    const list = words(rng, between(rng, 3, 6))
    const [old, fresh] = [pick(rng, list), pickFrequent(rng, animals)]
    return [
      `Write ${fresh} for ${old}: ${list.join(' ')}`,
      list.map(word => (word === old ? fresh : word)).join(' '),
    ]
  },
  rng => {
    const [a, b] = pickFrequentDistinct(rng, names, 2)
    const [job, other] = pickFrequentDistinct(rng, roles, 2)
    const facts = shuffle(rng, [`${a} is a ${job}.`, `${b} is a ${other}.`]).join(' ')
    return rng.integer(2) === 0
      ? [`${facts} Who is the ${job}?`, a!]
      : [`${facts} What does ${a} do?`, `${a} is a ${job}.`]
  },
  rng => {
    const a = pickFrequent(rng, objects)
    const b = rng.integer(2) === 0 ? a : pickFrequent(rng, objects)
    return [`Are ${a} and ${b} the same word?`, a === b ? 'yes' : 'no']
  },
  rng => {
    const count = between(rng, 2, 9)
    const less = between(rng, 1, count - 1)
    const request = `${pickFrequent(rng, names)} has ${count} coins and gives away ${less}. How many are left?`
    return [request, numerals[count - less]!]
  },
]

/** A request and its one right answer, in a few words: `User: … Assistant: …`. */
export function instruction(rng: Rng, { split = 'train' }: SampleOptions = {}): Sample {
  const { key, answer } = drawInSplit(split, 'instructions', () => {
    const [key, answer] = pick(rng, instructions)(rng)
    return { key, answer }
  })
  const question = `User: ${key}\nAssistant:`
  return {
    text: `${question} ${answer}\n`,
    answers: [{ start: question.length, end: question.length + answer.length + 1, kind: 'instructions' }],
    family: 'instructions',
    key,
  }
}

/** Different words of all kinds. */
function words(rng: Rng, count: number): string[] {
  const list = new Set<string>()
  while (list.size < count) list.add(pickFrequent(rng, pick(rng, classes)[1]))
  return [...list]
}

function shuffle<T>(rng: Rng, list: readonly T[]): T[] {
  return Array.from(rng.permutation(list.length), i => list[i]!)
}
