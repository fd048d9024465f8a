import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, openSafetensors, weightNames } from '@tersor/formats'
import { weightShapes } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Interruption } from '../command/interruption.ts'
import { randomWeights, smallConfig, workplace } from '../testing/small-model.ts'
import { json, tersor, tersorWith } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

const compress = (out: string, ...flags: string[]) => json('compress', at('model'), ...flags, '-o', out)

describe('tersor compress', () => {
  it.each([
    ['rtn', ['--bits', '3', '--group', '16'], 3],
    ['gptq,quant-ease', ['--bits', '4', '--sweeps', '2', '--range', 'min-max', '--act'], 4],
    ['gptq', ['--grid', 'nf4', '--no-act-order'], 4],
    ['nf4', [], 4],
    ['mxfp4', [], 4],
    ['float8', [], 8],
  ])('writes a model with %s that loads and evaluates where it is', async (names, flags, bits) => {
    const out = at('methods', `${names}.safetensors`)
    const text = names.includes('gptq') ? ['--calibration', at('text.txt')] : []
    const result = await compress(out, '--method', names, ...flags, ...text)
    expect(result).toMatchObject({ output: out, resumed: 0, fileBytes: (await readFile(out)).length })
    expect(result.tensors.map((tensor: { name: string }) => tensor.name).sort()).toEqual(
      [...weightShapes(smallConfig).keys()].sort(),
    )
    for (const tensor of result.tensors) {
      if (tensor.dims.length === 1) {
        const reason = expect.stringContaining('kept in float16')
        expect(tensor).toMatchObject({ outcome: 'skipped', reason })
        continue
      }
      const isDelicate = tensor.name.includes('embed') && bits < 8
      const labels = isDelicate ? ['rtn'] : names.split(',')
      expect(tensor.outcome).toBe('compressed')
      expect(tensor.steps.map((step: string) => step.split(' ')[0])).toEqual(labels)
      expect(tensor.bitsPerWeight).toBeGreaterThan(isDelicate ? 8 : bits)
    }
    const measured = await json('eval', out, '--text', at('text.txt'), '--against', at('model'))
    expect(measured.modelBytes).toBe(result.bytes)
    expect(measured.kl).toBeGreaterThan(1e-7)
    expect(measured.kl).toBeLessThan(1)
  })

  it('leaves the file, the tokenizer and a manifest, and nothing else', async () => {
    await compress(at('left', 'small.safetensors'), '--method', 'rtn')
    expect((await readdir(at('left'))).sort()).toEqual([
      'small.manifest.json',
      'small.safetensors',
      'tokenizer.bin',
    ])
  })

  it('is also called quantize, and gives the same bytes for the same recipe', async () => {
    await compress(at('a.safetensors'), '--method', 'rtn')
    await json('quantize', at('model'), '--method=rtn', '--bits=4', '--output', at('b.safetensors'))
    await writeFile(at('recipe.json'), '{"name":"mine","rules":[{"match":"*","use":[{"method":"nf4"}]}]}')
    await compress(at('c.safetensors'), '--recipe', at('recipe.json'))
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(name => parts(at(`${name}.safetensors`))))
    expect(a).toEqual(b)
    expect(Object.keys(c!)).toContain('model.embed_tokens.weight.codes')
    expect(c).not.toEqual(a)
  })

  it('gives the embedding other bits where it is told to', async () => {
    const { tensors } = await compress(at('e.safetensors'), '--method', 'rtn', '--embedding-bits', '6')
    const embedding = tensors.find(({ name }: { name: string }) => name.includes('embed'))
    expect(embedding.steps).toEqual(['rtn bits 6'])
  })

  it('takes weights without a configuration, tensor by tensor', async () => {
    const ids = new Tensor('int32', [1, 2, 3, 4], [2, 2])
    const entries: [string, Tensor][] = [
      ['a', randomWeights()[0]![1]],
      ['ids', ids],
    ]
    await writeFile(at('bare.safetensors'), encodeSafetensors(entries))
    const args = [at('bare.safetensors'), '--method', 'rtn', '-o', at('bare-small.safetensors')]
    const { tensors } = await json('compress', ...args)
    const kept = tensors.find(({ name }: { name: string }) => name === 'ids')
    expect(kept).toMatchObject({ outcome: 'skipped', reason: 'int32 numbers are kept as they are' })
    const written = await openSafetensors(at('bare-small.safetensors'))
    expect(weightNames(written).sort()).toEqual(['a', 'ids'])
    await written.close()
  })

  it('prints what became of every tensor', async () => {
    const { out } = await tersor('compress', at('model'), '--method', 'nf4', '-o', at('table.safetensors'))
    expect(out).toMatch(/embedding\.tokens +rtn bits 8 +9\.\d{3} +\d+\.\d dB/)
    expect(out).toMatch(/attention\.before +skipped: a vector does not fit blocks; kept in float16/)
    expect(out).toMatch(/table\.safetensors: \d+\.\d kB, \d\.\d\d× smaller/)
  })
})

describe('tersor compress --dry-run', () => {
  it('says what would be made, of how many bytes, and writes nothing', async () => {
    const before = await readdir(folder)
    const dry = ['--method', 'rtn', '--scale-type', 'float16', '--dry-run']
    const { plan, problems } = await compress(at('dry', 'x.safetensors'), ...dry)
    expect(problems).toEqual([])
    expect(plan.tensors).toHaveLength(weightShapes(smallConfig).size)
    const result = await compress(at('dry.safetensors'), ...dry.slice(0, -1))
    for (const [i, { exact, bytes }] of plan.tensors.entries()) {
      expect(bytes).toBeGreaterThanOrEqual(result.tensors[i].bytes)
      if (exact) expect(bytes).toBe(result.tensors[i].bytes)
    }
    await rm(at('dry.safetensors'))
    await rm(at('dry.manifest.json'))
    expect(await readdir(folder)).toEqual(before)
    const told = await tersor('compress', at('model'), ...dry, '-o', at('x.safetensors'))
    expect(told.out).toMatch(/feedForward\.up +rtn scale type float16 +(≤ )?\d+\n/)
  })

  it('names everything that would stop it', async () => {
    const out = at('model', 'model.safetensors')
    const said = await tersor('compress', at('model'), '--method', 'gptq', '--dry-run', '-o', out, '--json')
    expect(said.code).toBe(1)
    const { plan, problems, error } = JSON.parse(said.out)
    expect(plan.tensors.length).toBeGreaterThan(0)
    expect(problems).toMatchObject([{ code: 'FILE', message: expect.stringContaining('than the input') }])
    expect(error.code).toBe('FILE')
  })
})

describe('tersor compress, stopped', () => {
  const flags = ['--method', 'rtn', '--bits', '5']

  it('goes on where it was, and comes to the same bytes', async () => {
    await compress(at('whole.safetensors'), ...flags)
    const stop = new AbortController()
    const onErr = (text: string) => text.includes(' 4/') && stop.abort(new Interruption('SIGINT'))
    const out = at('stopped', 'small.safetensors')
    const said = await tersorWith(
      { signal: stop.signal, onErr },
      'compress',
      at('model'),
      ...flags,
      '-o',
      out,
    )
    expect(said.code).toBe(130)
    expect(said.err).toMatch(/the same command goes on from here\ntersor: stopped by SIGINT\n$/)
    expect(await readdir(at('stopped'))).toEqual(['small.safetensors.job'])
    const again = await tersor('compress', at('model'), ...flags, '-o', out)
    expect(again.out).toMatch(/^4 of 11 tensors were done before$/m)
    expect(await readFile(out)).toEqual(await readFile(at('whole.safetensors')))
    expect(await readdir(at('stopped'))).not.toContain('small.safetensors.job')
  })

  it('is not mixed up with another recipe, unless it starts over', async () => {
    const stop = new AbortController()
    const onErr = (text: string) => text.includes(' 2/') && stop.abort(new Interruption('SIGTERM'))
    const out = at('other.safetensors')
    const said = await tersorWith(
      { signal: stop.signal, onErr },
      'compress',
      at('model'),
      ...flags,
      '-o',
      out,
    )
    expect(said.code).toBe(143)
    const other = ['compress', at('model'), '--method', 'nf4', '-o', out]
    expect((await tersor(...other)).err).toMatch(
      /one of another recipe.+; finish that job, or start over with --fresh/,
    )
    expect(await json(...other, '--fresh')).toMatchObject({ resumed: 0 })
  })
})

/** The tensors of a file with their bytes. */
async function parts(path: string): Promise<Record<string, unknown>> {
  const file = await openSafetensors(path)
  const found: Record<string, unknown> = {}
  for (const name of file.tensors.keys()) found[name] = (await file.read(name)).data
  await file.close()
  return found
}
