import {
  type Attention,
  type Convolution,
  type DeltaNet,
  FormatError,
  type Mixer,
  type Rope,
} from '@tersor/core-tensor'
import { isMixer } from '../decoder/check-config.ts'
import type {
  Activation,
  Branch,
  DecoderConfig,
  Experts,
  FeedForward,
  LayerConfig,
  Operation,
} from '../decoder/config.ts'
import type { Pooling } from '../encoder/pooling.ts'
import type { Fields } from './fields.ts'

/**
 * The configuration that Tersor writes as its own JSON. A file from a stranger may hold anything there, so that every
 * field is read as what it has to be, and one that is not known is refused; whether the numbers fit each other is for
 * `checkConfig` to say.
 *
 * @throws {FormatError} for a field that is missing or of another kind
 * @throws {UnsupportedError} for a field that is not known
 */
export function ownConfig(read: Fields): DecoderConfig {
  const layers = read.groups('layers').map(layerIn)
  // They stand in the layers, too.
  read.skip('mixers')
  const config: DecoderConfig = {
    architecture: read.text('architecture'),
    vocabSize: read.number('vocabSize'),
    contextLength: read.number('contextLength'),
    hiddenSize: read.number('hiddenSize'),
    mixers: layers.map(mixerOf),
    norm: within(read.requiredGroup('norm'), norm => ({
      kind: norm.choice('kind', ['rms', 'layer']),
      epsilon: norm.number('epsilon'),
      ...(norm.optional('offset') === undefined ? {} : { offset: one(norm, 'offset') }),
    })),
    embedding: within(read.requiredGroup('embedding'), embedding => ({
      scale: embedding.optional('scale'),
      positions: embedding.optional('positions'),
      types: embedding.optional('types'),
      norm: embedding.optionalFlag('norm'),
    })),
    layers,
    finalNorm: read.flag('finalNorm', false),
    head: optionalGroup(read, 'head', head => ({
      tied: requiredFlag(head, 'tied'),
      scale: head.optional('scale'),
      softcap: head.optional('softcap'),
    })),
    pooling: optionalGroup(read, 'pooling', poolingIn),
    perLayer: optionalGroup(read, 'perLayer', perLayer => ({
      size: perLayer.number('size'),
      vocabSize: perLayer.number('vocabSize'),
    })),
    streams: optionalGroup(read, 'streams', streams => ({ count: streams.number('count') })),
  }
  read.refuseUnread()
  return config
}

function poolingIn(read: Fields): Pooling {
  return {
    kind: read.choice('kind', ['mean', 'cls', 'max']),
    normalize: requiredFlag(read, 'normalize'),
    ...optional('maxTokens', read.optional('maxTokens')),
    ...optional('prompt', read.has('prompt') ? read.text('prompt') : undefined),
  }
}

/** What is made of a group, of which nothing may be left over. */
function within<T>(group: Fields, make: (group: Fields) => T): T {
  const made = make(group)
  group.refuseUnread()
  return made
}

function optionalGroup<T>(read: Fields, key: string, make: (group: Fields) => T): T | undefined {
  const group = read.group(key)
  return group === undefined ? undefined : within(group, make)
}

function requiredFlag(read: Fields, key: string): boolean {
  const value = read.optionalFlag(key)
  if (value === undefined) throw read.unexpected(key, 'true or false as', undefined)
  return value
}

function one(read: Fields, key: string): 1 {
  read.only(key, 1)
  return 1
}

function layerIn(read: Fields): LayerConfig {
  return within(read, layer => ({
    branches: layer.groups('branches').map(branchIn),
    ...optional('scaled', layer.optionalFlag('scaled')),
  }))
}

/** A field that is left out where it is undefined. */
function optional<K extends string, T>(key: K, value: T | undefined): { readonly [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]?: T })
}

function mixerOf({ branches }: LayerConfig, layer: number): Mixer {
  const mixer = branches.map(({ op }) => op).find(op => isMixer(op))
  if (mixer !== undefined) return mixer
  throw new FormatError(`[models/config] expected a mixer in layer ${layer}, got none`)
}

const NORMS = ['before', 'after', 'sum'] as const

function branchIn(read: Fields): Branch {
  return within(read, branch => ({
    op: within(branch.requiredGroup('op'), operationIn),
    norms: (branch.list('norms') ?? []).map(norm => {
      const known = NORMS.find(each => each === norm)
      if (known === undefined) throw branch.unexpected('norms', `${NORMS.join(', ')} as`, norm)
      return known
    }),
    ...optional('reads', choiceIn(branch, 'reads', ['layer', 'normed'])),
    ...optional('scale', branch.optional('scale')),
    ...optional('sumScale', branch.optional('sumScale')),
  }))
}

function choiceIn<const T extends string>(read: Fields, key: string, words: readonly T[]): T | undefined {
  return (read.value(key) ?? undefined) === undefined ? undefined : read.choice(key, words)
}

const KINDS = ['attention', 'convolution', 'delta', 'feedForward', 'lowRank', 'perLayer'] as const
const ACTIVATIONS: readonly Activation[] = ['silu', 'gelu', 'geluTanh', 'relu', 'relu2']

function operationIn(read: Fields): Operation {
  const kind = read.choice('kind', KINDS)
  if (kind === 'attention') return attentionIn(read)
  if (kind === 'convolution') return convolutionIn(read)
  if (kind === 'delta') return deltaNetIn(read)
  if (kind === 'feedForward') return feedForwardIn(read)
  if (kind === 'lowRank') return { kind, rank: read.number('rank') }
  return { kind, activation: read.choice('activation', ACTIVATIONS) }
}

function attentionIn(read: Fields): Attention {
  return {
    kind: 'attention',
    heads: read.number('heads'),
    kvHeads: read.number('kvHeads'),
    headDim: read.number('headDim'),
    scale: read.number('scale'),
    ...optional('rope', optionalGroup(read, 'rope', ropeIn)),
    ...optional('alibi', read.optionalFlag('alibi')),
    ...optional('window', read.optional('window')),
    ...optional('softcap', read.optional('softcap')),
    ...optional('sinks', read.optionalFlag('sinks')),
    ...optional('bidirectional', read.optionalFlag('bidirectional')),
    ...optional('queryKeyNorm', choiceIn(read, 'queryKeyNorm', ['head', 'projection'])),
    ...optional('valueNorm', read.optionalFlag('valueNorm')),
    ...optional('gated', read.optionalFlag('gated')),
    ...optional('keysOf', read.optional('keysOf')),
  }
}

function ropeIn(read: Fields): Rope {
  return {
    layout: read.choice('layout', ['half', 'interleaved']),
    frequencies: numbersIn(read, 'frequencies'),
    ...optional('scale', read.optional('scale')),
    ...optional('beyond', optionalGroup(read, 'beyond', beyondIn)),
  }
}

function beyondIn(read: Fields): NonNullable<Rope['beyond']> {
  const length = read.number('length')
  if (read.has('frequencies')) return { length, frequencies: numbersIn(read, 'frequencies') }
  return { length, base: read.number('base'), factor: read.number('factor') }
}

function numbersIn(read: Fields, key: string): readonly number[] {
  const numbers = read.numbers(key, read.list(key)?.length ?? 0)
  if (numbers === undefined) throw read.unexpected(key, 'a list of numbers', undefined)
  return numbers
}

function convolutionIn(read: Fields): Convolution {
  return { kind: 'convolution', channels: read.number('channels'), kernel: read.number('kernel') }
}

function deltaNetIn(read: Fields): DeltaNet {
  return {
    kind: 'delta',
    heads: read.number('heads'),
    keyHeads: read.number('keyHeads'),
    keyDim: read.number('keyDim'),
    valueDim: read.number('valueDim'),
    kernel: read.number('kernel'),
    pairing: read.choice('pairing', ['grouped', 'tiled']),
  }
}

function feedForwardIn(read: Fields): FeedForward {
  const clamp = optionalGroup(read, 'clamp', group => ({
    alpha: group.number('alpha'),
    limit: group.number('limit'),
  }))
  return {
    kind: 'feedForward',
    size: read.number('size'),
    activation: read.choice('activation', ACTIVATIONS),
    gated: requiredFlag(read, 'gated'),
    ...optional('clamp', clamp),
    ...optional('sparsity', read.optional('sparsity')),
    ...optional('experts', optionalGroup(read, 'experts', expertsIn)),
  }
}

function expertsIn(read: Fields): Experts {
  const shared = optionalGroup(read, 'shared', group => ({
    size: group.number('size'),
    gated: requiredFlag(group, 'gated'),
  }))
  return {
    count: read.number('count'),
    perToken: read.number('perToken'),
    normalise: requiredFlag(read, 'normalise'),
    ...optional('shared', shared),
  }
}
