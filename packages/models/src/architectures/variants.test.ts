import { describe, expect, it } from 'vitest'
import { configFromHuggingFace, loadModel, openModel } from '../index.ts'
import { distance } from '../testing/golden.ts'
import { asFolder, type SmallGolden, smallGoldens } from '../testing/small-golden.ts'

const goldens = await smallGoldens('variants')

describe('what larger goldens do not see', () => {
  it.each(goldens)('computes the logits of $name: $why', async golden => {
    expect(configFromHuggingFace(golden.config).architecture).toBe(golden.architecture)
    await asFolder(golden, async folder => {
      const model = await loadModel(folder)
      const ids = Int32Array.from(golden.tokens)
      const cache = model.createCache({ length: ids.length })
      const { logits } = await model.forward(ids, { cache, logits: 'all' })
      expect(worst(golden, logits!.data as Float32Array)).toBeLessThan(1e-4)
      const stepped = model.createCache({ length: ids.length })
      const rows: number[] = []
      for (const [from, to] of chunks(ids.length)) {
        const step = await model.forward(ids.slice(from, to), { cache: stepped, logits: 'all' })
        rows.push(...(step.logits!.data as Float32Array))
      }
      expect(worst(golden, Float32Array.from(rows))).toBeLessThan(1e-4)
    })
  })

  it('leaves what sees beside the language model alone, whatever prefix the two have', async () => {
    const [golden] = goldens.filter(({ name }) => name === 'gemma3-that-sees')
    const renamed = golden!.tensors.map(
      ([name, ...rest]) =>
        [name.replace(/^language_model\.model\./, 'model.language_model.'), ...rest] as const,
    )
    const towers = golden!.tensors.filter(([name]) => /^(vision_tower|multi_modal_projector)\./.test(name))
    for (const tensors of [golden!.tensors, renamed]) {
      await asFolder({ ...golden!, tensors }, async folder => {
        const file = await openModel(folder)
        expect(file.missing).toEqual([])
        expect(file.unclaimed).toEqual([])
        expect([...file.elsewhere].sort()).toEqual(towers.map(([name]) => name).sort())
        await file.close()
      })
    }
  })

  const telling = goldens.filter(({ otherwise }) => otherwise !== undefined)
  it.each(telling)('computes others where $name says $otherwise', async golden => {
    const config = { ...golden.config, ...golden.otherwise }
    await asFolder({ ...golden, config }, async folder => {
      const model = await loadModel(folder)
      const ids = Int32Array.from(golden.tokens)
      const { logits } = await model.forward(ids, {
        cache: model.createCache({ length: ids.length }),
        logits: 'all',
      })
      expect(worst(golden, logits!.data as Float32Array)).toBeGreaterThan(1e-2)
    })
  })
})

function worst({ expected, tokens }: SmallGolden, got: Float32Array): number {
  const width = got.length / tokens.length
  const distances = Object.entries(expected).map(([position, row]) =>
    distance(got.subarray(Number(position) * width, (Number(position) + 1) * width), row),
  )
  return Math.max(...distances)
}

/** Chunks of seven, then token by token. */
function chunks(length: number): [from: number, to: number][] {
  const found: [number, number][] = []
  for (let at = 0; at < length; at = found.at(-1)![1]) found.push([at, at < 21 ? at + 7 : at + 1])
  return found
}
