import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, isEncoded, Rng, Tensor } from '@tersor/core-tensor'
import { weightSnr } from '@tersor/eval'
import { encodeSafetensors } from '@tersor/formats'
import { loadModel, openModel } from '@tersor/models'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesMethod, toyMethods } from '../../testing/toy-methods.ts'
import { createJob } from './create-job.ts'

const recipe = { name: 'bytes', rules: [{ match: '*.weight', use: [{ method: bytesMethod.name }] }] }
const config = JSON.stringify({ model_type: 'whisper', d_model: 8, num_mel_bins: 80 })

const rng = new Rng(5)
const normals = (dims: readonly number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )

const weights = [
  ['encoder.layers.0.fc1.weight', normals([12, 8])],
  ['encoder.layer_norm.weight', normals([8])],
  ['encoder.positions', new Tensor('int64', BigInt64Array.of(0n, 1n, 2n), [3])],
  ['encoder.scale', normals([])],
] as const

describe('a job on an architecture that is not known', () => {
  let folder = ''
  const at = (...names: string[]) => join(folder, ...names)
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-any-'))
    await writeFile(at('model.safetensors'), encodeSafetensors(weights))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('compresses the weights under their names, and carries the configuration and the tokenizer', async () => {
    await writeFile(at('config.json'), config)
    await writeFile(at('tokenizer.json'), '{}')
    const source = await openModel(at('model.safetensors'))
    expect(source.refusal).toBeDefined()
    const job = createJob({ source, target: at('small', 'x.safetensors'), recipe, methods: toyMethods })
    const { plan, problems } = await job.dryRun()
    expect(problems).toEqual([])
    expect(plan.tensors.map(({ name }) => name)).toEqual(source.names)
    const { tensors } = await job.run()
    const small = await openModel(at('small', 'x.safetensors'))
    expect(small.refusal?.message).toBe(source.refusal?.message)
    expect(small.configText).toBe(config)
    expect([...small.names].sort()).toEqual(weights.map(([name]) => name).sort())
    expect([...(await small.companions()).keys()]).toEqual(['tokenizer.json'])
    const outcomes = Object.fromEntries(tensors.map(({ name, outcome }) => [name, outcome]))
    expect(outcomes).toEqual({
      'encoder.layers.0.fc1.weight': 'compressed',
      'encoder.layer_norm.weight': 'skipped',
      'encoder.positions': 'skipped',
      'encoder.scale': 'skipped',
    })
    for (const [name, weight] of weights) {
      const written = await small.load(name)
      if (weight.type === 'int64') expect(written).toEqual(weight)
      else expect(weightSnr(weight, isEncoded(written) ? decode(written) : written)).toBeGreaterThan(30)
    }
    expect((await job.verify()).ok).toBe(true)
    await expect(loadModel(small)).rejects.toThrow(source.refusal?.message)
    await small.close()
    await source.close()
  })

  it('needs no configuration at all', async () => {
    const source = await openModel(at('model.safetensors'))
    const job = createJob({ source, target: at('small', 'x.safetensors'), recipe, methods: toyMethods })
    const { tensors } = await job.run()
    expect(tensors.map(({ name }) => name)).toEqual(source.names)
    const small = await openModel(at('small', 'x.safetensors'))
    expect([small.config, small.configText, small.refusal]).toEqual([undefined, undefined, undefined])
    await small.close()
    await source.close()
  })
})
