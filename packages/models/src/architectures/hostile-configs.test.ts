import { FormatError, TersorError } from '@tersor/core-tensor'
import { type GgufFile, openGguf } from '@tersor/formats'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { configFromHuggingFace, configText, weightShapes } from '../index.ts'
import { architectureRows } from '../testing/architecture-rows.ts'
import { Golden, hasGoldens } from '../testing/golden.ts'
import { smallJson } from '../testing/random-model.ts'
import { smallGoldens } from '../testing/small-golden.ts'
import { configFromGguf } from './read-config.ts'

type Json = Record<string, unknown>

const small = [smallJson as Json, ...(await smallGoldens('variants')).map(({ config }) => config)]
const large = hasGoldens ? architectureRows.map(({ folder }) => new Golden(folder).json('config.json')) : []
const configs = [...small, ...large]

/** Keys that any family may read, and some that none does. */
const keys = [
  ...new Set(configs.flatMap(config => Object.keys(config))),
  ...['rope_scaling', 'rope_parameters', 'per_layer_config', 'layer_types', 'text_config', 'tersor'],
  ...[
    'text_config',
    'head_dim',
    'num_experts',
    'activation_sparsity_pattern',
    'no_rope_layers',
    '__proto__',
    'nonsense',
  ],
]

/** Numbers that are no sizes, that are too large for them, and values of every other kind. */
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    ...[0, -1, 0.5, 3, 2 ** 24, 2 ** 31, 2 ** 53, 1e15, 1e300, -1e300, 1e-300, null, true, false],
    ...['', 'x', 'full_attention', 'yarn', 'longrope', 'dynamic', [], {}, [[]], { factor: 1e300 }],
    ...[new Array(300).fill(1e9), new Array(5000).fill('sliding_attention')],
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.record(
    {
      rope_type: fc.constantFrom('linear', 'dynamic', 'llama3', 'yarn', 'longrope', 'proportional', 'x', 5),
      factor: fc.oneof(fc.double(), fc.jsonValue()),
      rope_theta: fc.double(),
      partial_rotary_factor: fc.double(),
      original_max_position_embeddings: fc.oneof(fc.double(), fc.integer()),
      short_factor: fc.jsonValue(),
      long_factor: fc.array(fc.double()),
      full_attention: fc.jsonValue(),
      head_dim: fc.integer(),
    },
    { requiredKeys: [] },
  ),
)

/** A configuration that is understood fits together as a whole, and is the same when it is read back. */
function survives(read: () => unknown): void {
  try {
    const config = read() as ReturnType<typeof configFromHuggingFace>
    expect(weightShapes(config).size).toBeGreaterThan(0)
    const text = configText(config)
    const again = configText(configFromHuggingFace(JSON.parse(text)))
    expect(JSON.parse(again)).toEqual(JSON.parse(text))
  } catch (error) {
    if (!(error instanceof TersorError)) throw error
    expect(error.message.length).toBeLessThan(1500)
  }
}

describe('config.json of a stranger', () => {
  it('is understood or refused with a typed error, whatever its keys hold', () => {
    const changes = fc.array(fc.tuple(fc.constantFrom(...keys), hostile), { minLength: 1, maxLength: 3 })
    const property = fc.property(fc.constantFrom(...configs), changes, (config, changed) => {
      survives(() => configFromHuggingFace({ ...config, ...Object.fromEntries(changed) }))
    })
    fc.assert(property, { numRuns: 3000 })
  })

  it('is understood or refused with any key left out', () => {
    for (const config of configs) {
      for (const key of Object.keys(config)) {
        const { [key]: _, ...rest } = config
        survives(() => configFromHuggingFace(rest))
      }
    }
  })

  it('is no object, or nested deeper than any stack', () => {
    for (const value of [undefined, null, 5, 'llama', [], [smallJson]])
      expect(() => configFromHuggingFace(value)).toThrow(FormatError)
    let deep: unknown = []
    for (let i = 0; i < 1e5; i++) deep = [deep]
    for (const key of ['rope_scaling', 'vocab_size', 'rope_interleaved', 'hidden_act'])
      expect(() => configFromHuggingFace({ ...smallJson, [key]: deep })).toThrow(TersorError)
  })

  it.each([
    ['num_hidden_layers', 2 ** 24],
    ['num_hidden_layers', 1e15],
    ['hidden_size', 2 ** 40],
    ['head_dim', 1e12],
    ['vocab_size', 2 ** 53],
    ['num_attention_heads', 2 ** 30],
    ['max_position_embeddings', 2 ** 40],
    ['rope_theta', 0],
    ['rope_theta', -1],
    ['rms_norm_eps', -1],
    ['num_key_value_heads', 3],
    ['vocab_size', 1.5],
    ['vocab_size', '24'],
  ])('is refused where %s is %d', (key, value) => {
    const refused = () => configFromHuggingFace({ ...smallJson, [key]: value })
    expect(refused).toThrow(FormatError)
    expect(refused).toThrow(key === 'num_key_value_heads' || key === 'rms_norm_eps' ? 'expected' : key)
  })

  it('is refused for more experts than there is memory to name them', () => {
    const many = { ...smallJson, model_type: 'mixtral', num_experts_per_tok: 2 }
    const refused = () => configFromHuggingFace({ ...many, num_hidden_layers: 4096, num_local_experts: 4096 })
    expect(refused).toThrow('at most 65536 experts in all, got 16777216')
  })

  it.each<[Json, string]>([
    [{ model_type: 'lstm' }, "got 'lstm'"],
    [{ hidden_act: 'mish' }, "got 'mish'"],
    [{ rope_scaling: { rope_type: 'spiral' } }, "got 'spiral'"],
    [{ rope_scaling: { rope_type: 'linear', factor: 2, twist: 1 } }, "'twist'"],
    [{ layer_types: ['full_attention', 'mamba'] }, "got 'mamba'"],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, "got 'sliding_attention'"],
    [{ clip_qkv: 8 }, "'clip_qkv'"],
    [{ is_decoder: true, add_cross_attention: true }, 'is_decoder'],
  ])('is refused by name: %j', (change, named) => {
    const refused = () => configFromHuggingFace({ ...smallJson, ...change })
    expect(refused).toThrow(TersorError)
    expect(refused).toThrow(named)
  })
})

describe("Tersor's own configuration", () => {
  it('is read field by field: any of them may hold anything', () => {
    const texts = configs.map(config => JSON.parse(configText(configFromHuggingFace(config))) as Json)
    const property = fc.property(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.nat(),
      hostile,
      (text, which, how, value) => {
        const changed = structuredClone(text)
        const places = placesIn(changed.tersor, [])
        const place = places[which % places.length]!
        change(changed.tersor as Json, place, how % 3 === 0 ? undefined : value)
        survives(() => configFromHuggingFace(JSON.parse(JSON.stringify(changed))))
      },
    )
    fc.assert(property, { numRuns: 3000 })
  })

  it('is refused where it is no object, or has a field that nobody reads', () => {
    for (const junk of [null, 5, 'llama', [], {}, { architecture: 'llama' }])
      expect(() => configFromHuggingFace({ model_type: 'llama', tersor: junk })).toThrow(TersorError)
    const text = JSON.parse(configText(configFromHuggingFace(smallJson)))
    expect(() => configFromHuggingFace({ tersor: { ...text.tersor, twist: 1 } })).toThrow("'twist'")
  })
})

/** Every path in a value. */
function placesIn(value: unknown, at: readonly string[]): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at]
  const inside = Object.entries(value).flatMap(([key, each]) => placesIn(each, [...at, key]))
  return at.length === 0 ? inside : [at, ...inside]
}

function change(value: Json, [key, ...rest]: readonly string[], to: unknown): void {
  if (rest.length > 0) change(value[key!] as Json, rest, to)
  else if (to === undefined) delete value[key!]
  else value[key!] = to
}

describe.skipIf(!hasGoldens)('the metadata of a GGUF of a stranger', async () => {
  const files: GgufFile[] = []
  for (const { folder } of hasGoldens ? architectureRows : []) {
    const golden = new Golden(folder)
    if (!golden.has('model.gguf')) continue
    const file = await openGguf(golden.path('model.gguf'))
    files.push(file)
  }

  it('is understood or refused with a typed error, whatever its keys hold', async () => {
    const value = fc.oneof(hostile, fc.bigInt(), fc.float32Array({ maxLength: 5 }))
    const changes = fc.array(fc.tuple(fc.nat(), value), { minLength: 1, maxLength: 2 })
    const property = fc.asyncProperty(fc.nat(), changes, async (chosen, changed) => {
      const file = files[chosen % files.length]!
      const metadata = new Map<string, unknown>(file.metadata)
      const own = [...metadata.keys()].filter(key => !key.startsWith('tokenizer.'))
      for (const [key, to] of changed) metadata.set(own[key % own.length]!, to)
      const config = await configFromGguf({ ...file, read: file.read, metadata } as GgufFile).catch(
        error => error,
      )
      survives(() => {
        if (config instanceof Error) throw config
        return config
      })
    })
    await fc.assert(property, { numRuns: 1000 })
    for (const file of files) await file.close()
  })
})
