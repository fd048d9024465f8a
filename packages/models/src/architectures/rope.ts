import { type Rope, UnsupportedError } from '@tersor/core-tensor'
import {
  llama3Frequencies,
  longropeScale,
  ropeFrequencies,
  yarnFrequencies,
  yarnScale,
} from '../decoder/rope.ts'
import { type Fields, shown } from './fields.ts'
import type { Defaults, GgufTensors, LayerType } from './shape.ts'

export interface ReadRope {
  /** How a layer of some type turns heads of some size. */
  of(type: LayerType | undefined, headDim: number): Rope
  /** How many tokens a model takes, where stretching makes it more than the configuration's. */
  readonly contextLength: number
}

/** What a scaling makes of plain frequencies. */
interface Scaled {
  readonly frequencies: readonly number[]
  readonly scale?: number | undefined
  readonly beyond?: Rope['beyond']
}

/** One set of keys: those of layers of one type, or of all. */
interface Scaling {
  readonly theta: number
  /** The share of a head that turns. */
  readonly part: number
  readonly type: string
  readonly fields: Fields | undefined
}

/** Of layer types as `rope_parameters` has them. */
const SPELLED: { readonly [T in LayerType]?: string } = {
  full: 'full_attention',
  sliding: 'sliding_attention',
}

/**
 * The rotation in config.json, in either dialect: `rope_parameters`, flat or by layer type, or `rope_theta`,
 * `rope_scaling` and the share that turns.
 */
export function ropeFromHuggingFace(
  read: Fields,
  context: number,
  headDim: number,
  defaults: Defaults,
): ReadRope {
  const original = read.optional('original_max_position_embeddings') ?? defaults.originalLength
  const layout = defaults.layout ?? 'half'
  const scalings = new Map<LayerType | undefined, Scaling>()
  const local = defaults.localTheta === undefined ? undefined : read.optional('rope_local_base_freq')
  const top = topLevel(read, defaults)
  const parameters = read.group('rope_parameters')
  if (parameters !== undefined && Object.values(SPELLED).some(name => parameters.has(name))) {
    for (const [type, name] of Object.entries(SPELLED) as [LayerType, string][]) {
      const group = parameters.group(name)
      const theta = type === 'sliding' ? (defaults.localTheta ?? top.theta) : top.theta
      if (group !== undefined) scalings.set(type, scalingOf(group, { ...top, theta }))
    }
    parameters.refuseUnread()
  } else {
    const group = parameters ?? read.group('rope_scaling')
    if (parameters !== undefined) read.skip('rope_scaling')
    scalings.set(
      undefined,
      group === undefined ? { ...top, type: 'default', fields: undefined } : scalingOf(group, top),
    )
    // The scaling of models with two bases is that of their full layers.
    if (defaults.localTheta !== undefined) {
      const theta = local ?? defaults.localTheta
      scalings.set('sliding', { ...top, theta, type: 'default', fields: undefined })
    }
  }
  const turned = new Map<string, Rope>()
  let contextLength = context
  const make = (type: LayerType | undefined, headDim: number): Rope => {
    const scaling = scalings.get(type) ?? scalings.get(undefined) ?? scalings.get('full')
    if (scaling === undefined) {
      throw new UnsupportedError(
        `[models/config] expected rope_parameters for ${type ?? 'all'} layers, got none`,
      )
    }
    const { contextLength: length, ...rope } = huggingFaceScaled(scaling, headDim, { context, original })
    contextLength = Math.max(contextLength, length ?? 0)
    scaling.fields?.refuseUnread(key => key === 'mrope_section' || key === 'mrope_interleaved')
    return { layout, ...rope }
  }
  const of = (type: LayerType | undefined, headDim: number): Rope => {
    const key = `${type} ${headDim}`
    const found = turned.get(key) ?? make(type, headDim)
    turned.set(key, found)
    return found
  }
  // What is turned is read at once, so that unknown keys are refused although no layer may ask.
  for (const type of scalings.keys()) of(type, headDim)
  return { of, contextLength }
}

function topLevel(read: Fields, defaults: Defaults): { theta: number; part: number } {
  const theta = read.positive(['rope_theta', 'rotary_emb_base'], defaults.theta)
  if (defaults.rotatedPart === undefined) return { theta, part: 1 }
  return {
    theta,
    part: read.positive(['partial_rotary_factor', 'rotary_pct', 'rope_pct'], defaults.rotatedPart, 1),
  }
}

function scalingOf(fields: Fields, { theta, part }: { theta: number; part: number }): Scaling {
  return {
    theta: fields.positive('rope_theta', theta),
    part: fields.positive('partial_rotary_factor', part, 1),
    type: fields.text(['rope_type', 'type'], 'default'),
    fields,
  }
}

function huggingFaceScaled(
  { theta, part, type, fields }: Scaling,
  headDim: number,
  { context, original: outer }: { context: number; original: number | undefined },
): Scaled & { contextLength?: number } {
  const turned = Math.floor(headDim * (type === 'proportional' ? 1 : part))
  const plain = ropeFrequencies(turned, theta)
  if (type === 'default' || type === 'mrope') return { frequencies: plain }
  const read = fields!
  read.skip('type', 'rope_type')
  const original = read.optional('original_max_position_embeddings') ?? outer ?? context
  if (type === 'linear') return { frequencies: stretched(plain, read.positive('factor')) }
  if (type === 'proportional') {
    read.only('factor', 1, 1.0, null)
    const pairs = Math.floor((part * headDim) / 2)
    return { frequencies: plain.map((frequency, i) => (i < pairs ? frequency : 0)) }
  }
  if (type === 'dynamic') {
    const factor = read.positive('factor')
    const beyond = { length: original, base: theta, factor }
    return { frequencies: plain, beyond, contextLength: Math.ceil(factor * original) }
  }
  if (type === 'llama3') {
    const scaling = {
      factor: read.positive('factor'),
      low: read.number('low_freq_factor'),
      high: read.number('high_freq_factor'),
      original,
    }
    return { frequencies: llama3Frequencies(plain, scaling) }
  }
  if (type === 'yarn') return yarn(read, plain, { theta, original, context })
  if (type === 'longrope' || type === 'su') {
    const short = requiredFactors(read, 'short_factor', plain.length)
    const long = requiredFactors(read, 'long_factor', plain.length)
    const factor = read.optional('factor') ?? context / original
    const scale = read.optional('attention_factor') ?? longropeScale(factor, original)
    return longrope(plain, { short, long, original, scale })
  }
  throw new UnsupportedError(
    `[models/config] expected a rope_type that Tersor knows (default, linear, dynamic, llama3, yarn, longrope, proportional), got ${shown(type)}`,
  )
}

function yarn(
  read: Fields,
  plain: readonly number[],
  { theta, original, context }: { theta: number; original: number; context: number },
): Scaled & { contextLength: number } {
  const factor = read.positive('factor', context / original)
  const [mscale, all] = [read.optional('mscale'), read.optional('mscale_all_dim')]
  const computed =
    mscale !== undefined && all !== undefined && mscale !== 0 && all !== 0
      ? yarnScale(factor, mscale) / yarnScale(factor, all)
      : yarnScale(factor)
  const frequencies = yarnFrequencies(plain, {
    ...{ base: theta, factor, original },
    betaFast: read.number('beta_fast', 32),
    betaSlow: read.number('beta_slow', 1),
    truncate: read.flag('truncate', true),
  })
  const scale = read.optional('attention_factor') ?? computed
  return { frequencies, scale, contextLength: Math.ceil(original * factor) }
}

function longrope(
  plain: readonly number[],
  given: { short: readonly number[]; long: readonly number[]; original: number; scale: number },
): Scaled {
  const divided = (factors: readonly number[]) => plain.map((frequency, i) => frequency / factors[i]!)
  const beyond = { length: given.original, frequencies: divided(given.long) }
  return { frequencies: divided(given.short), scale: given.scale, beyond }
}

function requiredFactors(read: Fields, key: string, length: number): readonly number[] {
  const factors = read.numbers(key, length)
  if (factors === undefined) throw read.unexpected(key, `a list of ${length} numbers`, undefined)
  return factors
}

/** The rotation in the metadata of a GGUF, with the divisors that lie among its tensors. */
export function ropeFromGguf(
  read: Fields,
  context: number,
  defaults: Defaults,
  tensors: GgufTensors,
): (type: LayerType | undefined, headDim: number) => Rope {
  const theta = read.positive('rope.freq_base', defaults.theta ?? 10000)
  const local = read.positive('rope.freq_base_swa', defaults.localTheta ?? theta)
  const dimensions = read.optionalCount('rope.dimension_count')
  const localDimensions = read.optionalCount('rope.dimension_count_swa')
  const type = read.text('rope.scaling.type', 'none')
  const factor = read.positive('rope.scaling.factor', read.positive('rope.scale_linear', 1))
  const original = read.count('rope.scaling.original_context_length', context)
  const given = read.optional('rope.scaling.attn_factor')
  const [betaFast, betaSlow] = [
    read.number('rope.scaling.yarn_beta_fast', 32),
    read.number('rope.scaling.yarn_beta_slow', 1),
  ]
  read.skip('rope.scaling.finetuned')
  read.only('rope.scaling.yarn_log_multiplier', 0)
  if (!['none', 'linear', 'yarn', 'longrope'].includes(type)) {
    throw new UnsupportedError(
      `[models/gguf] expected rope.scaling.type none, linear, yarn or longrope, got ${shown(type)}`,
    )
  }
  const layout = defaults.layout ?? 'half'
  return (layerType, headDim) => {
    const sliding = layerType === 'sliding' && defaults.localTheta !== undefined
    const base = sliding ? local : theta
    const turned = (sliding ? localDimensions : dimensions) ?? partOf(headDim, defaults)
    const plain = ropeFrequencies(Math.min(turned, headDim), base)
    if (sliding) return { layout, frequencies: plain }
    const [short, long] = [
      tensors.numbers('rope_factors_short.weight'),
      tensors.numbers('rope_factors_long.weight'),
    ]
    if (short !== undefined && long !== undefined) {
      const scale = given ?? longropeScale(context / original, original)
      return { layout, ...longrope(plain, { short, long, original, scale }) }
    }
    const divisors = tensors.numbers('rope_freqs.weight')
    const frequencies = divisors === undefined ? plain : plain.map((f, i) => dividedBy(f, divisors[i]!))
    if (type === 'yarn') {
      const truncate = defaults.yarnTruncates ?? true
      const scaling = { base, factor, original, betaFast, betaSlow, truncate }
      return {
        layout,
        frequencies: yarnFrequencies(frequencies, scaling),
        scale: (given ?? 1) * yarnScale(factor),
      }
    }
    return { layout, frequencies: stretched(frequencies, factor) }
  }
}

/** A divisor of 1e30 says that a pair does not turn. */
function dividedBy(frequency: number, divisor: number): number {
  return divisor >= 1e30 ? 0 : frequency / divisor
}

function stretched(frequencies: readonly number[], factor: number): number[] {
  return frequencies.map(frequency => frequency / factor)
}

function partOf(headDim: number, { rotatedPart = 1 }: Defaults): number {
  return Math.floor(headDim * rotatedPart)
}
