import { FormatError } from '@tersor/core-tensor'
import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'
import { fuzzTargets } from './targets.ts'

it('20 000 changed files are read, or refused with a typed error, by every reader', async () => {
  const targets = await fuzzTargets()
  const { failures, read, refused } = await fuzz(targets, { seed: 1, runs: 20_000 })
  expect(failures.map(({ target, index, reason }) => `${target} ${index}: ${reason}`)).toEqual([])
  // Changes that are all refused, or none, look at nothing.
  for (const { name } of targets) expect(refused.get(name), name).toBeGreaterThan(100)
  expect([...read.values()].reduce((a, b) => a + b)).toBeGreaterThan(1000)
})

it('tells of what is not typed, of arrays that are too large, and of endless messages', async () => {
  const failing = async (read: (file: Uint8Array) => Promise<void>) => {
    const target = { name: 'bad', seeds: [new Uint8Array(64)], expansion: 1, read }
    const { failures } = await fuzz([target], { seed: 1, runs: 3 })
    return failures.map(({ index, reason }) => `${index} ${reason.split('\n')[0]}`)
  }
  const refuse = async () => {
    throw new FormatError('[bad] expected nothing')
  }
  expect(await failing(refuse)).toEqual([])
  const untyped = failing(async () => {
    throw new TypeError('x is undefined')
  })
  expect(await untyped).toEqual([0, 1, 2].map(i => `${i} not typed: TypeError: x is undefined`))
  const [large] = await failing(async () => void new Float32Array(2 ** 23))
  expect(large).toMatch(/^0 an array of 33554432 bytes for a file of \d+/)
  const [long] = await failing(async () => {
    throw new FormatError('x'.repeat(10_000))
  })
  expect(long).toContain('a message of 10000 characters')
})
