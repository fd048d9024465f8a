import { Rng } from '@tersor/core-tensor'
import { animals, names, objects, places, splitOf, women } from '@tersor/tasks'
import { expect, it } from 'vitest'
import { instruction } from './instructions.ts'

const numerals = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
const kinds: Record<string, readonly string[]> = {
  person: names,
  place: places,
  thing: objects,
  animal: animals,
}

/** How each request is answered, written without a look at the generator. */
const rules: readonly [RegExp, (...parts: string[]) => string][] = [
  [
    /^(?:Say|Write|Repeat) the word (\w+) (\w+) times\.$/,
    (word, n) => Array(numerals.indexOf(n!)).fill(word).join(' '),
  ],
  [
    /^(?:Which of these is an?|Find the|Name the) (\w+)(?: in this list)?: (.*)$/,
    (kind, list) => list!.split(', ').find(word => kinds[kind!]!.includes(word))!,
  ],
  [
    /^What is the (first|second|last|next to last) word of: (.*)\?$/,
    (which, list) => list!.split(' ').at({ first: 0, second: 1, last: -1, 'next to last': -2 }[which!]!)!,
  ],
  [/^(?:How many words are in|Count the words of): (.*)\.$/, list => numerals[list!.split(' ').length]!],
  [
    /^Is (\d+) (greater|smaller) than (\d+)\?$/,
    (a, than, b) => ((than === 'greater' ? Number(a) > Number(b) : Number(a) < Number(b)) ? 'yes' : 'no'),
  ],
  [
    /^Which is (more|less), (\d+) or (\d+)\?$/,
    (which, a, b) => `${which === 'more' ? Math.max(Number(a), Number(b)) : Math.min(Number(a), Number(b))}`,
  ],
  [/^(?:Repeat after me|Say this|Write this down): (.*)$/, phrase => phrase!],
  [
    /^(\w+) and (\w+) met\. Who is meant by (he|she)\?$/,
    (a, b, who) => (women.includes(a!) === (who === 'she') ? a! : b!),
  ],
  [/^\w+ has (the \w+ \w+)\. What does \w+ have\?$/, thing => thing!],
  [/^(\w+) has the \w+ \w+\. Who has it\?$/, name => name!],
  [/^\w+ has the (\w+) \w+\. What is the \w+ like\?$/, adjective => adjective!],
  [
    /^In the list (.*): which word comes right (after|before) (\w+)\?$/,
    (list, side, key) => {
      const words = list!.split(', ')
      return words[words.indexOf(key!) + (side === 'after' ? 1 : -1)]!
    },
  ],
  [/^Leave out (\w+): (.*)$/, (word, list) => list!.replace(new RegExp(` ?\\b${word}\\b`), '').trim()],
  [/^Write (\w+) for (\w+): (.*)$/, (fresh, old, list) => list!.replace(new RegExp(`\\b${old}\\b`), fresh!)],
  [/^(.*) Who is the (\w+)\?$/, (facts, job) => new RegExp(`(\\w+) is a ${job}\\.`).exec(facts!)![1]!],
  [/^(.*) What does (\w+) do\?$/, (facts, name) => new RegExp(`${name} is a \\w+\\.`).exec(facts!)![0]],
  [/^Are (\w+) and (\w+) the same word\?$/, (a, b) => (a === b ? 'yes' : 'no')],
  [/^\w+ has (\d+) coins and gives away (\d+)\./, (a, b) => numerals[Number(a) - Number(b)]!],
]

it('answers what it asks', () => {
  const rng = new Rng(31)
  const used = new Set<number>()
  for (let i = 0; i < 3000; i++) {
    const { text, answers, key } = instruction(rng)
    const [, request, answer] = /^User: (.*)\nAssistant: (.*)\n$/.exec(text)!
    expect(request).toBe(key)
    expect(text.slice(answers[0]!.start, answers[0]!.end)).toBe(` ${answer}`)
    const rule = rules.findIndex(([pattern]) => pattern.test(request!))
    expect(rule, request).toBeGreaterThanOrEqual(0)
    used.add(rule)
    expect(rules[rule]![1](...rules[rule]![0].exec(request!)!.slice(1)), request).toBe(answer)
  }
  expect(used.size).toBe(rules.length)
})

it('asks each request in one split only', () => {
  const rng = new Rng(32)
  for (let i = 0; i < 300; i++) {
    expect(splitOf('instructions', instruction(rng).key)).toBe('train')
    expect(splitOf('instructions', instruction(rng, { split: 'held-out' }).key)).toBe('held-out')
  }
})
