import { argmax, type Device, reference, toFloat32 } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace, configText, type Decoder, loadModel, openModel } from '../index.ts'
import { distance, Golden, type GoldenKind, hasGoldens } from './golden.ts'

/** One golden checkpoint that a family has to compute as the reference implementation does. */
export interface ArchitectureRow {
  /** `llama-3.2` */
  readonly folder: string
  /** What the configuration has to be read as. */
  readonly architecture: string
  /** Of logits, absolute; 1e-4 by default. */
  readonly within?: number | undefined
}

/**
 * What every family of models is held to: the logits and hidden states of the reference implementation on every device,
 * from safetensors and GGUF; the same tokens with and without a cache; the same configuration in both dialects; every
 * tensor claimed, and a key that nobody reads refused by name.
 */
export function describeArchitecture(row: ArchitectureRow): void {
  const { folder, architecture, within = 1e-4 } = row
  const golden = new Golden(folder)
  describe.skipIf(!hasGoldens)(folder, () => {
    it('says the same in both dialects, and refuses a key that nobody reads', () => {
      const config = configFromHuggingFace(golden.json('config.json'))
      expect(config.architecture).toBe(architecture)
      const other = golden.has('config.v5.json') ? 'config.v5.json' : 'config.v4.json'
      expect(configFromHuggingFace(golden.json(other))).toEqual(config)
      expect(configFromHuggingFace(JSON.parse(configText(config)))).toEqual(
        JSON.parse(JSON.stringify(config)),
      )
      const strange = { ...golden.json('config.json'), attention_twist: 0.5 }
      expect(() => configFromHuggingFace(strange)).toThrow("'attention_twist'")
    })

    it.each(golden.kinds)('claims every tensor of %s', async kind => {
      const file = await openModel(golden.source(kind))
      expect({ refusal: file.refusal, missing: file.missing, unclaimed: file.unclaimed }).toEqual({
        refusal: undefined,
        missing: [],
        unclaimed: [],
      })
      await file.close()
    })

    it.each(golden.kinds)('computes the logits from %s', async kind => {
      const model = await loadModel(golden.source(kind))
      expect(await worstLogits(model, golden, kind)).toBeLessThan(within)
    })

    it('computes the hidden state after every layer', async () => {
      const expected = (await golden.expected()).get('hidden')!
      const [, tokens, width] = expected.dims as [number, number, number]
      const model = await loadModel(golden.folder)
      const ids = firstTokens(await golden.expected())
      const cache = model.createCache({ length: tokens })
      const seen: Float32Array[] = []
      const hidden = (_: number, x: { data: unknown }) =>
        void seen.push(firstColumns(x.data as Float32Array, tokens, width))
      await model.forward(ids, { cache, logits: 'none', taps: { hidden } })
      const all = expected.data as Float32Array
      for (const [layer, x] of seen.entries()) {
        const size = tokens * width
        expect(distance(x, all.subarray(layer * size, (layer + 1) * size))).toBeLessThan(within)
      }
    })

    it('goes on from a cache as if it read the whole', async () => {
      const expected = await golden.expected()
      const model = await loadModel(golden.folder)
      const ids = firstTokens(expected)
      const cache = model.createCache({ length: ids.length })
      const rows: Float32Array[] = []
      for (const [from, to] of chunks(ids.length)) {
        const { logits } = await model.forward(ids.slice(from, to), { cache, logits: 'all' })
        rows.push(logits!.data as Float32Array)
      }
      const whole = expected.get('logits')!.data as Float32Array
      expect(
        distance(
          rows.flatMap(row => [...row]),
          whole.subarray(0, ids.length * model.config.vocabSize),
        ),
      ).toBeLessThan(within)
    })

    it('chooses the same tokens with and without a cache', async () => {
      const expected = await golden.expected()
      const model = await loadModel(golden.folder)
      const prompt = [...(expected.get('prompt')!.data as Int32Array)]
      const wanted = [...(expected.get('greedy')!.data as Int32Array)]
      const length = prompt.length + wanted.length
      const cache = model.createCache({ length })
      let next = prompt
      const cached: number[] = []
      const fresh: number[] = []
      for (let step = 0; step < wanted.length; step++) {
        const { logits } = await model.forward(Int32Array.from(next), { cache })
        cached.push(argmax(logits!.data as Float32Array))
        next = [cached.at(-1)!]
        const alone = model.createCache({ length })
        const all = Int32Array.from([...prompt, ...fresh])
        const whole = await model.forward(all, { cache: alone })
        fresh.push(argmax(whole.logits!.data as Float32Array))
      }
      expect(cached).toEqual(wanted)
      expect(fresh).toEqual(wanted)
    })
  })
}

/**
 * The logits of a golden checkpoint on another device, from safetensors and GGUF.
 *
 * @param device  made before the tests; undefined where there is none, then they are skipped
 */
export function describeArchitectureOn(
  { folder, within = 1e-4 }: ArchitectureRow,
  device: () => Device | undefined,
): void {
  const golden = new Golden(folder)
  it.skipIf(!hasGoldens).for(golden.kinds)(
    `computes the logits of ${folder} from %s`,
    async (kind, { skip }) => {
      const on = device()
      if (on === undefined) return skip('there is no such device')
      const model = await loadModel(golden.source(kind), { device: on })
      expect(await worstLogits(model, golden, kind)).toBeLessThan(within)
      model.dispose()
    },
  )
}

/** The largest difference from the reference, of all sequences. */
async function worstLogits(model: Decoder, golden: Golden, kind: GoldenKind): Promise<number> {
  const expected = await golden.expected(kind)
  const pairs = [['tokens', 'logits']]
  if (expected.has('short_tokens')) pairs.push(['short_tokens', 'short_logits'])
  let worst = 0
  for (const [names, values] of pairs as [string, string][]) {
    const tokens = (kind === 'gguf' && !expected.has(names) ? await golden.expected() : expected).get(names)!
    const all = expected.get(values)!.data as Float32Array
    const [texts, length] = tokens.dims as [number, number]
    for (let text = 0; text < texts; text++) {
      const ids = (tokens.data as Int32Array).slice(text * length, (text + 1) * length)
      const cache = model.createCache({ length })
      const { logits } = await model.forward(ids, { cache, logits: 'all' })
      const got = toFloat32(await logits!.to(reference))
      worst = Math.max(worst, distance(got, all.subarray(text * got.length, (text + 1) * got.length)))
      logits!.dispose()
      cache.dispose()
    }
  }
  return worst
}

function firstTokens(expected: ReadonlyMap<string, { dims: readonly number[]; data: unknown }>): Int32Array {
  const tokens = expected.get('tokens')!
  return (tokens.data as Int32Array).slice(0, tokens.dims[1])
}

/** Three chunks of seven, then token by token. */
function chunks(length: number): [from: number, to: number][] {
  const found: [number, number][] = []
  for (let at = 0; at < length; ) {
    const end = at < 21 ? at + 7 : at + 1
    found.push([at, end])
    at = end
  }
  return found
}

/** Of several streams side by side the first. */
function firstColumns(x: Float32Array, tokens: number, width: number): Float32Array {
  const all = x.length / tokens
  if (all === width) return x.slice()
  const out = new Float32Array(tokens * width)
  for (let token = 0; token < tokens; token++)
    out.set(x.subarray(token * all, token * all + width), token * width)
  return out
}
