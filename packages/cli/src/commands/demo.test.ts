import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { workplace } from '../testing/small-model.ts'
import { json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

it('tersor demo compresses with every recipe, evaluates the files and writes a report', async () => {
  const result = await json('demo', at('model'), '--report', at('report'), '--tokens', '120')
  expect(result.rows.length).toBeGreaterThanOrEqual(8)
  const files = await readdir(at('report', 'models'))
  expect(files.filter(name => name.endsWith('.safetensors'))).toHaveLength(result.rows.length)
  const page = await readFile(at('report', 'index.html'), 'utf8')
  for (const row of result.rows) expect(page).toContain(row.recipe)
  expect(page).toContain('<svg')
  expect(page).not.toMatch(/https?:\/\//)
  const bits = result.rows.map((row: { bitsPerWeight: number }) => row.bitsPerWeight)
  expect(bits[0]).toBeGreaterThan(8)
  expect(bits.at(-1)).toBeLessThan(bits[0]! - 2)
  const { out } = await tersor('demo', at('model'), '--report', at('report'), '--tokens', '120')
  expect(out).toContain('report:')
})

it('tersor demo quantizes again what is quantized, and compares with what it was given', async () => {
  const given = at('given.safetensors')
  await json('compress', at('model'), '--method', 'rtn', '--bits', '8', '-o', given)
  const result = await json('demo', given, '--report', at('again'), '--tokens', '120', '--minutes', '9')
  expect(result.quantized).toContain('affine')
  expect(result.leftOut).toEqual([])
  expect(result.tokensPerSecond).toBeGreaterThan(0)
  const losses = result.rows.map((row: { divergence: { kl: { mean: number } } }) => row.divergence.kl.mean)
  // 8 bits find the codes of 8 bits again; 2 bits do not.
  expect(losses[1]).toBeLessThan(1e-4)
  expect(losses.at(-1)).toBeGreaterThan(10 * losses[1])
  for (const { tokensPerSecond } of result.rows) expect(tokensPerSecond).toBeGreaterThan(0)
})
