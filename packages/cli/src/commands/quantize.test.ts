import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, openSafetensors, weightNames } from '@tersor/formats'
import { weightShapes } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileOf, randomWeights, smallConfig, workplace } from '../testing/small-model.ts'
import { json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

const evaluate = (model: string, ...rest: string[]) =>
  json('eval', model, '--tokenizer', at('model', 'tokenizer.bin'), '--text', at('text.txt'), ...rest)

describe('tersor quantize', () => {
  it.each([
    ['rtn', ['--bits', '3', '--group', '16'], 3],
    ['gptq', ['--bits', '4', '--sweeps', '2'], 4],
    ['nf4', [], 4],
    ['float8', [], 8],
  ] as const)('writes a %s model that loads and evaluates from its one file', async (method, flags, bits) => {
    const out = at(`${method}.safetensors`)
    const more = method === 'gptq' ? ['--calibration', at('text.txt')] : []
    const result = await json('quantize', at('model'), '--method', method, ...flags, ...more, '-o', out)
    expect(result.fileBytes).toBe((await readFile(out)).length)
    expect(result.tensors.map((tensor: { name: string }) => tensor.name).sort()).toEqual(
      [...weightShapes(smallConfig).keys()].sort(),
    )
    for (const tensor of result.tensors) {
      if (tensor.dims.length === 1)
        expect(tensor).toMatchObject({
          outcome: 'skipped',
          reason: expect.stringContaining('kept in float16'),
        })
      else if (tensor.name.includes('embed') && bits < 8)
        expect(tensor).toMatchObject({ outcome: 'quantised', method: 'rtn 8 bits, group 32' })
      else expect(tensor).toMatchObject({ outcome: 'quantised', method: expect.stringContaining(method) })
      if (tensor.dims.length === 2) expect(tensor.bitsPerWeight).toBeGreaterThan(bits)
    }
    const measured = await evaluate(out, '--against', at('model'))
    expect(measured.modelBytes).toBe(result.bytes)
    expect(measured.kl).toBeGreaterThan(1e-7)
    expect(measured.kl).toBeLessThan(1)
    expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('partial'))
  })

  it('gives the same bytes for the same recipe', async () => {
    const files = await Promise.all(
      ['a', 'b'].map(async name => {
        await json('quantize', at('model'), '--method', 'rtn', '-o', at(`${name}.safetensors`))
        return readFile(at(`${name}.safetensors`))
      }),
    )
    expect(files[0]!.equals(files[1]!)).toBe(true)
  })

  it('draws its own calibration text where none is given', async () => {
    const { code, err } = await tersor(
      'quantize',
      at('model'),
      '--method',
      'gptq',
      '-o',
      at('own.safetensors'),
    )
    expect(code).toBe(0)
    expect(err).toContain('tokens of its own')
  })

  it('leaves no partial file, and what was there before, when a tensor is not finite', async () => {
    const weights = randomWeights()
    ;(weights.at(-2)![1].data as Float32Array)[7] = Number.NaN
    const broken = at('broken.safetensors')
    await writeFile(broken, fileOf(weights))
    await writeFile(at('kept.safetensors'), 'what was there before')
    const { code, err } = await tersor('quantize', broken, '--method', 'rtn', '-o', at('kept.safetensors'))
    expect([code, err.trim().split('\n').length]).toEqual([1, 1])
    expect(err).toMatch(/expected finite weights, got NaN/)
    expect(await readFile(at('kept.safetensors'), 'utf8')).toBe('what was there before')
    expect((await readdir(folder)).filter(name => name.includes('partial'))).toEqual([])

    const { tensors } = await json(
      'quantize',
      broken,
      '--method',
      'rtn',
      '--lenient',
      '-o',
      at('lenient.safetensors'),
    )
    const fallen = tensors.filter((tensor: { outcome: string }) => tensor.outcome === 'fellBack')
    expect(fallen).toMatchObject([{ method: 'float16', reason: expect.stringContaining('NaN') }])
  })

  it('takes weights without a configuration, tensor by tensor', async () => {
    const bare = at('bare.safetensors')
    const ids = new Tensor('int32', [1, 2, 3, 4], [2, 2])
    await writeFile(
      bare,
      encodeSafetensors([
        ['a', randomWeights()[0]![1]],
        ['ids', ids],
      ]),
    )
    const { tensors } = await json('quantize', bare, '--method', 'rtn', '-o', at('bare-small.safetensors'))
    expect(tensors.find((tensor: { name: string }) => tensor.name === 'ids')).toMatchObject({
      outcome: 'skipped',
      reason: 'int32 numbers are kept as they are',
    })
    const written = await openSafetensors(at('bare-small.safetensors'))
    expect(weightNames(written).sort()).toEqual(['a', 'ids'])
    await written.close()
    const { code, err } = await tersor('quantize', bare, '--method', 'gptq', '-o', at('x.safetensors'))
    expect(code).toBe(1)
    expect(err).toMatch(/expected a config.json beside the weights/)
  })

  it('refuses a model that is compressed already, and flags that do not go together', async () => {
    await json('quantize', at('model'), '--method', 'rtn', '-o', at('once.safetensors'))
    const twice = await tersor(
      'quantize',
      at('once.safetensors'),
      '--method',
      'rtn',
      '-o',
      at('twice.safetensors'),
    )
    expect([twice.code, existsSync(at('twice.safetensors'))]).toEqual([1, false])
    expect(twice.err).toContain('start from the original')
    for (const flags of [
      ['--method', 'zip'],
      ['--method', 'rtn', '--bits', '9'],
      ['--method', 'float8', '--group', '8'],
      ['--method', 'nf4', '--zero', 'middle'],
      ['--method', 'rtn', '--zero', 'left'],
      ['--method', 'rtn', '--order', 'act'],
    ]) {
      expect((await tersor('quantize', at('model'), ...flags, '-o', at('x.safetensors'))).code).toBe(2)
    }
  })
})
