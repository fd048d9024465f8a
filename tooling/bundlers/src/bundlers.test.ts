import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linear, Rng, Tensor } from '@tersor/core-tensor'
import { rtn } from '@tersor/quantize'
import { afterAll, describe, expect, it } from 'vitest'
import { chromiumPath, isolation } from '../../../config/chromium.ts'
import { browse } from '../../browser/src/browse.ts'
import { bundlers } from './bundlers.ts'

const rng = new Rng(1)
const weight = new Tensor(
  'float32',
  Float32Array.from({ length: 512 * 512 }, () => rng.normal()),
  [512, 512],
)
const ones = new Tensor('float32', new Float32Array(512).fill(1), [1, 512])
const [expected] = linear(ones, rtn(weight, { bits: 4 })).data as Float32Array

describe.skipIf(chromiumPath === undefined).each(Object.keys(bundlers))('%s', name => {
  const folder = mkdtempSync(join(tmpdir(), `tersor-${name}-`))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('builds a page that computes the same numbers', async () => {
    await bundlers[name]!(folder)
    const text = await browse(folder, isolation, async page => {
      await page.waitForFunction(() => document.body.textContent!.trim().length > 0)
      return page.textContent('body')
    })
    const { first, onGpu, ...rest } = JSON.parse(text!)
    expect(rest).toEqual({ threads: 2, tokens: [0, 0, 0], refusal: 'UnsupportedError' })
    expect([3, 'UnsupportedError']).toContain(onGpu)
    expect(first).toBeCloseTo(expected!, 3)
  })
})
