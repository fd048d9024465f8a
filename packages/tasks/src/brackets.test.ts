import { Rng } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { brackets } from './brackets.ts'

/** What closes the brackets that are open. */
function closing(text: string): string {
  const pairs: Record<string, string> = { '(': ')', '[': ']', '{': '}' }
  const open: string[] = []
  for (const letter of text) {
    if (letter in pairs) open.push(pairs[letter]!)
    else if (')]}'.includes(letter)) expect(open.pop()).toBe(letter)
  }
  return open.reverse().join('')
}

it('closes what is open, two to six deep', () => {
  const rng = new Rng(6)
  const depths = new Map<number, number>()
  let distracted = 0
  for (let i = 0; i < 2000; i++) {
    const { text, answers } = brackets(rng)
    const [, opened, answer] = /^Open: (.*)\nClose:(.*)\n$/.exec(text)!
    expect(answer).toBe(closing(opened!))
    expect(text.slice(answers[0]!.start, answers[0]!.end)).toBe(answer)
    depths.set(answer!.length, (depths.get(answer!.length) ?? 0) + 1)
    if (/[)\]}]/.test(opened!)) distracted++
  }
  expect([...depths.keys()].sort()).toEqual([2, 3, 4, 5, 6])
  expect(Math.min(...depths.values())).toBeGreaterThan(300)
  expect(distracted).toBeGreaterThan(800)
})

it('writes JSON half of the time', () => {
  const rng = new Rng(7)
  const parsed = Array.from({ length: 1000 }, () => brackets(rng).text).filter(text => {
    const [, opened, answer] = /^Open: (.*)\nClose:(.*)\n$/.exec(text)!
    try {
      return typeof JSON.parse(opened! + answer) === 'object'
    } catch {
      return false
    }
  })
  expect(parsed.length).toBeGreaterThan(400)
})
