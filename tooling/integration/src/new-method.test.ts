import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '@tersor/cli'
import { decode } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { describeWeightMethod } from '@tersor/core-tensor/testing'
import { openModel } from '@tersor/models'
import { tinyLmMini } from '@tersor/tiny-lm'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { damp } from './testing/damp-weights.ts'

// To add a method to a package is one file, one test and one name in the package's list. Here are a file, a list with its name, and
// what follows from them: the command line, recipes, jobs, reports and loading know it without another line.

vi.mock('@tersor/quantize', async original => {
  const real = await original<typeof import('@tersor/quantize')>()
  const { damp } = await import('./testing/damp-weights.ts')
  return { ...real, quantizeMethods: [...real.quantizeMethods, damp] }
})

describe('a method more', () => {
  let folder = ''
  const said: string[] = []
  const stream = { write: (text: string) => void said.push(text) }
  const tersor = async (...args: string[]) => {
    said.length = 0
    const code = await run(args, { out: stream, err: stream })
    return { code, text: said.join('') }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-new-method-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('stands in --help with its options', async () => {
    const { text } = await tersor('compress', '--help')
    expect(text).toContain('damp-weights')
    expect(text).toContain(damp.summary)
    const own = await tersor('compress', '--method', 'damp-weights', '--help')
    expect(own.text).toMatch(/--strength .*what each weight loses of itself/s)
  })

  it('runs by its flags, and loads', async () => {
    const target = join(folder, 'flags.safetensors')
    const { code, text } = await tersor(
      'compress',
      'tiny-lm-mini',
      '--method',
      'damp-weights',
      '--strength',
      '0.5',
      '-o',
      target,
    )
    expect(text).toContain('damp-weights')
    expect(code).toBe(0)
    const name = 'layers.0.feedForward.up'
    const [small, whole] = await Promise.all(
      [await openModel(target), await openModel(tinyLmMini)].map(async file => {
        const weight = decode(await file.load(name))
        await file.close()
        return cast(weight, 'float32').data as Float32Array
      }),
    )
    for (let i = 0; i < 8; i++) expect(small![i]).toBeCloseTo(whole![i]! / 2, 3)
    const scored = await tersor('eval', target, '--tasks', 'copy', '--n', '2', '--device', 'wasm')
    expect(scored.text).toMatch(/copy/)
    expect(scored.code).toBe(0)
  })

  it('runs from a recipe, after another step', async () => {
    const recipe = join(folder, 'recipe.json')
    const target = join(folder, 'recipe.safetensors')
    const steps = [
      { method: 'rtn', bits: 8 },
      { method: 'damp-weights', strength: 0 },
    ]
    await writeFile(recipe, JSON.stringify({ name: 'two steps', rules: [{ match: '*', use: steps }] }))
    const { code, text } = await tersor('compress', 'tiny-lm-mini', '--recipe', recipe, '-o', target)
    expect(text).toContain('damp-weights')
    expect(code).toBe(0)
    expect((await readFile(target)).includes('damp-weights')).toBe(true)
  })

  it('is refused by name where an option is wrong', async () => {
    const target = join(folder, 'wrong.safetensors')
    const args = ['compress', 'tiny-lm-mini', '--method', 'damp-weights', '-o', target]
    expect((await tersor(...args, '--strength', '2')).text).toMatch(/strength .*from 0 to 1/)
    expect((await tersor(...args, '--strenght', '0.5')).text).toMatch(/did you mean .*strength/)
    expect((await tersor('compress', 'tiny-lm-mini', '--method', 'damp-weight', '-o', target)).text).toMatch(
      /damp-weights/,
    )
  })
})

describeWeightMethod(damp, [{ bitsPerWeight: 16.007, loses: [0.06, 0.065] }])
