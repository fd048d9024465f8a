import { Rng, ShapeError } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { splitOf } from './split.ts'
import { stories } from './stories.ts'
import { type TaskName, taskNames, taskPrompts } from './task-prompts.ts'
import { readStory } from './testing/read-story.ts'
import { estimatedMeasure } from './text-measure.ts'

/** Answers a prompt in another way than by the generator's books. */
const solvers: Readonly<Record<TaskName, (prompt: string) => string>> = {
  'needle-256': () => '',
  'needle-900': () => '',
  copy: prompt => ` ${list(prompt).join(' ')}`,
  reverse: prompt => ` ${list(prompt).reverse().join(' ')}`,
  sort: prompt => ` ${list(prompt).sort().join(' ')}`,
  'addition-2': sum,
  'addition-3': sum,
  entity: read,
  'entity-2hop': read,
  brackets: prompt => {
    let open = ''
    for (const letter of prompt) {
      const at = '([{'.indexOf(letter)
      if (at >= 0) open = ')]}'[at]! + open
      else if (')]}'.includes(letter)) open = open.slice(1)
    }
    return open
  },
}

function list(prompt: string): string[] {
  return /: (.*)\n/.exec(prompt)![1]!.split(' ')
}

function sum(prompt: string): string {
  const [a, b] = prompt.split(/[+=]/)
  return `${Number(a) + Number(b)}`
}

function read(prompt: string): string {
  return ` ${readStory(`${prompt} ?\n`).at(-1)!.understood}`
}

describe.each(taskNames)('%s', name => {
  const prompts = taskPrompts(name, { n: 100, seed: 1 })

  it('has so many different prompts, all held out, the same for a seed', () => {
    expect(new Set(prompts.map(({ prompt }) => prompt)).size).toBe(100)
    expect(taskPrompts(name, { n: 100, seed: 1 })).toEqual(prompts)
    expect(taskPrompts(name, { n: 100, seed: 2 })).not.toEqual(prompts)
    for (const { family, key } of prompts) expect(splitOf(family, key)).toBe('held-out')
  })

  it.skipIf(name.startsWith('needle'))('has the answers that follow from the prompt', () => {
    for (const { prompt, answer, stop } of prompts) {
      expect(solvers[name](prompt)).toBe(answer)
      expect(stop).toBe('\n')
    }
  })
})

it('asks needles from where it says', () => {
  const tokens = (prompt: string, answer: string) =>
    estimatedMeasure.countTokens(prompt.slice(prompt.lastIndexOf(answer)))
  for (const { prompt, answer } of taskPrompts('needle-256', { n: 50 })) {
    expect(tokens(prompt, answer)).toBeLessThanOrEqual(256)
  }
  const far = taskPrompts('needle-900', { n: 200 }).map(({ prompt, answer }) => tokens(prompt, answer))
  for (const distance of far) {
    expect(distance).toBeGreaterThan(256)
    expect(distance).toBeLessThanOrEqual(900)
  }
  const mean = far.reduce((total, distance) => total + distance, 0) / far.length
  expect(Math.abs(mean - 578)).toBeLessThan(50)
})

it('asks for persons and owners by turns', () => {
  const who = taskPrompts('entity', { n: 60 }).filter(({ prompt }) => /Q: Who [^\n]*\nA:$/.test(prompt))
  expect(who.length).toBe(30)
})

it('tells nothing that training tells: no cast is in both splits', () => {
  const held = new Set(taskPrompts('entity', { n: 200 }).map(({ key }) => key))
  const rng = new Rng(1)
  for (let i = 0; i < 500; i++) expect(held).not.toContain(stories(rng, { tokens: 100 + i }).key)
})

it('says when there are not so many', () => {
  expect(taskPrompts('addition-2', { n: 700 })).toHaveLength(700)
  expect(() => taskPrompts('addition-2', { n: 1000 })).toThrow(ShapeError)
})
