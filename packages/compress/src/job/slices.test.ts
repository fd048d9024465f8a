import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Encoded, Rng, Tensor, type WeightMethod } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { encodeSafetensors } from '@tersor/formats'
import { type ModelFile, openModel } from '@tersor/models'
import { nf4, quantizeMethods, rotate, rtn, rtnMethod } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ggufBytes } from '../../../formats/testing/gguf-bytes.ts'
import type { Step } from '../recipe.ts'
import { createJob, type JobSettings, type RunOptions, workOf } from './create-job.ts'
import { runJob } from './run-job.ts'

/** So few that every tensor here has several. */
const ELEMENTS = 512

const COLUMNS = 32
let folder = ''
let runs = 0
const at = (...names: string[]) => join(folder, ...names)

/** Numbers whose rows are of very different size, some of them 0. */
function numbers(dims: readonly number[], seed: number): Tensor {
  const rng = new Rng(seed)
  const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => {
    const row = Math.floor(i / COLUMNS)
    return row < 20 ? 0 : rng.normal() * 10 ** ((row % 7) - 3)
  })
  return new Tensor('float32', values, dims)
}

function ggufTensor(name: string, type: number, rows: number) {
  const rng = new Rng(9)
  const block = () => {
    const bytes = Uint8Array.from({ length: 34 }, () => rng.integer(256))
    bytes.set([rng.integer(256), 0x20], 0)
    return [...bytes]
  }
  const q8 = Uint8Array.from(Array.from({ length: rows }, block).flat())
  const plain = new Uint8Array((numbers([rows, COLUMNS], 8).data as Float32Array).slice().buffer)
  return { name, ne: [COLUMNS, rows], type, data: type === 8 ? q8 : plain }
}

beforeAll(async () => {
  // Hundreds of syncs, which a disk of memory does not wait for.
  folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tersor-slices-'))
  const plain = numbers([601, COLUMNS], 1)
  const wide = numbers([64, COLUMNS], 2)
  for (let i = 40 * COLUMNS; i < 41 * COLUMNS; i++) wide.data[i] = i * 2 ** 30
  await writeFile(
    at('plain.safetensors'),
    encodeSafetensors([
      ['plain', plain],
      ['half', cast(numbers([100, COLUMNS], 3), 'bfloat16')],
      ['wide', wide],
      ['stack', numbers([3, 40, COLUMNS], 4)],
      ['small stack', numbers([9, 4, COLUMNS], 5)],
      [
        'integers',
        new Tensor(
          'int32',
          Int32Array.from({ length: 40 * COLUMNS }, (_, i) => i),
          [40, COLUMNS],
        ),
      ],
      ['vector', numbers([COLUMNS * 40], 6)],
    ]),
  )
  await writeFile(
    at('encoded.safetensors'),
    encodeSafetensors([
      ['line', rtn(plain, { bits: 4, groupSize: 8 })],
      ['turned', rotate(numbers([64, COLUMNS], 7))],
      ['levels', nf4(plain)],
    ]),
  )
  await writeFile(
    at('blocks.gguf'),
    ggufBytes({
      metadata: [['general.architecture', [8, 'unheard-of']]],
      tensors: [ggufTensor('a.weight', 0, 90), ggufTensor('b.weight', 8, 90)],
    }),
  )
})
afterAll(() => rm(folder, { recursive: true }))

async function withSource<T>(file: string, use: (source: ModelFile) => Promise<T>): Promise<T> {
  const source = await openModel(at(file))
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

function settingsOf(source: ModelFile, use: readonly Step[], more: Partial<JobSettings> = {}): JobSettings {
  const recipe = { name: 'slices', rules: [{ match: '*', use }], otherwise: 'float16' as const }
  const target = at(String(runs++), 'small.safetensors')
  return { source, target, recipe, methods: quantizeMethods, requantize: true, ...more }
}

/** Bytes of the target, and what became of the tensors. */
async function compressed(settings: JobSettings, sliceElements: number, options: RunOptions = {}) {
  const result = await runJob({ ...workOf(settings), sliceElements }, options)
  return { bytes: await readFile(settings.target), tensors: result.tensors }
}

const recipes: readonly (readonly [string, readonly Step[]])[] = [
  ['rtn', [{ method: 'rtn', groupSize: 8 }]],
  ['rtn of one group a row', [{ method: 'rtn', bits: 3, groupSize: 'channel', zero: 'integer' }]],
  ['rtn with least squares', [{ method: 'rtn', bits: 2, range: 'mse', zero: 'middle' }]],
  ['rtn to NF4', [{ method: 'rtn', grid: 'nf4' }]],
  ['rtn to MXFP4', [{ method: 'rtn', grid: 'mxfp4' }]],
  ['nf4', [{ method: 'nf4' }]],
  ['nf4 with plain scales', [{ method: 'nf4', doubleQuantize: false, groupSize: 16 }]],
  ['mxfp4', [{ method: 'mxfp4' }]],
  ['float8', [{ method: 'float8' }]],
  ['nothing', []],
]

describe('slices of a tensor', () => {
  describe.each(recipes)('with %s', (_, use) => {
    it.each(['plain.safetensors', 'encoded.safetensors', 'blocks.gguf'])(
      'give the bytes of the whole from %s',
      file =>
        withSource(file, async source => {
          const whole = await compressed(settingsOf(source, use), Number.POSITIVE_INFINITY)
          const sliced = await compressed(settingsOf(source, use), ELEMENTS)
          expect(sliced.tensors).toEqual(whole.tensors)
          expect(sliced.bytes.equals(whole.bytes)).toBe(true)
        }),
    )
  })

  it('give the bytes of the whole after a rotation', () =>
    withSource('blocks.gguf', async source => {
      const use = [{ method: 'rotate' }, { method: 'rtn', bits: 3 }]
      const whole = await compressed(settingsOf(source, use), Number.POSITIVE_INFINITY)
      const sliced = await compressed(settingsOf(source, use), ELEMENTS)
      expect(sliced.bytes.equals(whole.bytes)).toBe(true)
    }))

  it('fall back together where a method does not take one of them', () =>
    withSource('plain.safetensors', async source => {
      const picky: WeightMethod = {
        ...rtnMethod,
        name: 'picky',
        rowwise: { step: () => 1 },
        apply(weight, options, layer) {
          if ((weight as Tensor).data[0] !== 0) return rtnMethod.apply(weight, options as never, layer)
          return rtn(weight, { groupSize: -1 })
        },
      }
      const settings = () => settingsOf(source, [{ method: 'picky' }], { methods: [picky], strict: false })
      const { tensors } = await compressed(settings(), ELEMENTS)
      const [fallen] = tensors.filter(({ name }) => name === 'plain')
      expect(fallen).toMatchObject({ outcome: 'fellBack', method: 'float16' })
    }))

  it('are what a method is handed, unless it ties rows together', () =>
    withSource('plain.safetensors', async source => {
      const seen: number[] = []
      const spy: WeightMethod = {
        ...rtnMethod,
        name: 'spy',
        apply(weight, options, layer): Encoded {
          seen.push(weight.dims.reduce((a, b) => a * b, 1))
          return rtnMethod.apply(weight, options as never, layer) as Encoded
        },
      }
      const most = async (groupSize: 'channel' | 'tensor') => {
        seen.length = 0
        const use = [{ method: 'spy', groupSize }]
        await compressed(settingsOf(source, use, { methods: [spy] }), ELEMENTS)
        return Math.max(...seen)
      }
      expect(await most('channel')).toBeLessThanOrEqual(ELEMENTS)
      expect(await most('tensor')).toBe(601 * COLUMNS)
    }))

  it('hold less than the whole, says the plan', () =>
    withSource('plain.safetensors', async source => {
      const peakOf = async (sliceElements: number) => {
        const { examine } = await import('./examine.ts')
        const work = workOf(settingsOf(source, [{ method: 'rtn' }]))
        return (await examine({ ...work, sliceElements })).plan.peak
      }
      expect(await peakOf(ELEMENTS)).toBeLessThan((await peakOf(Number.POSITIVE_INFINITY)) / 10)
    }))

  it('name the place in the whole where a weight is not finite', async () => {
    const broken = numbers([50, COLUMNS], 1)
    broken.data[33 * COLUMNS + 5] = Number.NaN
    await writeFile(at('broken.safetensors'), encodeSafetensors([['w', broken]]))
    await withSource('broken.safetensors', async source => {
      const run = compressed(settingsOf(source, [{ method: 'rtn' }]), ELEMENTS)
      await expect(run).rejects.toThrow("finite numbers in 'w', got NaN at [33,5]")
    })
  })

  it('may be stopped, and the job goes on to the same bytes', () =>
    withSource('plain.safetensors', async source => {
      const use = [{ method: 'stopping' }]
      const stop = new AbortController()
      let calls = 0
      const stopping: WeightMethod = {
        ...rtnMethod,
        name: 'stopping',
        apply(weight, options, layer) {
          if (layer.name === 'stack' && ++calls === 3) stop.abort(new Error('enough'))
          return rtnMethod.apply(weight, options as never, layer)
        },
      }
      const settings = settingsOf(source, use, { methods: [stopping] })
      const run = compressed(settings, ELEMENTS, { signal: stop.signal })
      await expect(run).rejects.toThrow('enough')
      expect(calls).toBe(3)
      const left = await readdir(`${settings.target}.job`)
      expect(left).toContain('journal.jsonl')
      expect(left.some(name => name.endsWith('.partial'))).toBe(true)
      const { bytes } = await compressed(settings, ELEMENTS)
      const again = settingsOf(source, use, { methods: [stopping] })
      const whole = await compressed(again, Number.POSITIVE_INFINITY)
      expect(bytes.equals(whole.bytes)).toBe(true)
      expect(await readdir(join(settings.target as string, '..'))).not.toContain('small.safetensors.job')
      expect((await createJob(settings).verify()).ok).toBe(true)
    }))
})
