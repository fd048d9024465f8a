import { type Attention, canonicalJson, type Json, type Rope, UnsupportedError } from '@tersor/core-tensor'
import { type DecoderConfig, type FeedForward, weightShapes } from '@tersor/models'

/** The numbers of a model that training knows: a Llama, dense or as a mixture of experts. */
export interface LlamaShape {
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly hiddenSize: number
  /** Width inside the feed-forward network, or inside each expert. */
  readonly innerSize: number
  readonly vocabSize: number
  readonly contextLength: number
  /** Added to the mean square in RMSNorm. */
  readonly epsilon: number
  readonly rope: Pick<Rope, 'layout' | 'frequencies'>
  /** The output head is the embedding. */
  readonly tied: boolean
  /** Feed-forward networks in each block, where it is a mixture of experts. */
  readonly experts?: number | undefined
  /** How many experts a token chooses; given where `experts` is. */
  readonly expertsPerToken?: number | undefined
}

/**
 * The numbers of a Llama, in whose backward pass everything stands that its configuration has.
 *
 * @throws {UnsupportedError} for a configuration with anything else, naming it: other norms, windows, another activation …
 */
export function llamaShape(config: DecoderConfig): LlamaShape {
  const { vocabSize, contextLength, hiddenSize, mixers, layers, norm, head } = config
  const known = ['architecture', 'vocabSize', 'contextLength', 'hiddenSize', 'mixers', 'layers']
  requireOnly('the model', config, [...known, 'norm', 'embedding', 'finalNorm', 'head'])
  requireOnly('the embedding', config.embedding, [])
  requireOnly('the norms', norm, ['kind', 'epsilon'])
  requireOnly('the head', head ?? {}, ['tied'])
  requireThat(
    norm.kind === 'rms' && config.finalNorm && head !== undefined,
    'RMSNorm, one behind the last layer too, and a head',
  )
  const [first] = layers
  requireOnly('a layer', first!, ['branches'])
  for (const branch of first!.branches) requireOnly('a branch', branch, ['op', 'norms'])
  const [attention, network] = first!.branches.map(({ op }) => op)
  requireThat(
    first!.branches.length === 2 &&
      first!.branches.every(({ norms }) => norms.join() === 'before') &&
      attention?.kind === 'attention' &&
      network?.kind === 'feedForward',
    'attention and a feed-forward network, each with a norm before it',
  )
  requireThat([layers, mixers].every(areAlike), 'layers that are all alike')
  const { rope, ...heads } = attentionShape(attention as Attention, contextLength)
  return {
    ...{ layers: layers.length, hiddenSize, vocabSize, contextLength },
    ...heads,
    ...networkShape(network as FeedForward),
    epsilon: norm.epsilon,
    rope,
    tied: head!.tied,
  }
}

/**
 * Throws for weights that training would leave out.
 *
 * @throws {UnsupportedError} naming the first: a bias, since nothing else is left out by a configuration
 */
export function requireTrainable(config: DecoderConfig, weights: ReadonlyMap<string, unknown>): void {
  const known = weightShapes(config)
  const stray = [...weights.keys()].find(name => !known.has(name))
  if (stray !== undefined) throw unknown('the model', `'${stray}'`)
}

function attentionShape(mixer: Attention, contextLength: number) {
  const { heads, kvHeads, headDim, scale, rope, window } = mixer
  requireOnly('attention', mixer, ['kind', 'heads', 'kvHeads', 'headDim', 'scale', 'rope', 'window'])
  requireThat(window === undefined || window >= contextLength, 'attention without windows')
  requireThat(scale === 1 / Math.sqrt(headDim), 'scores divided by √headDim')
  requireThat(
    rope !== undefined && 2 * rope.frequencies.length === headDim,
    'rotary positions of whole heads',
  )
  requireOnly('rotary positions', rope!, ['layout', 'frequencies'])
  return { heads, kvHeads, headDim, rope: rope! }
}

function networkShape({ size: innerSize, experts, ...network }: FeedForward) {
  requireOnly('a feed-forward network', network, ['kind', 'activation', 'gated'])
  requireThat(network.activation === 'silu' && network.gated, 'feed-forward networks with SwiGLU')
  if (experts === undefined) return { innerSize }
  requireOnly('a mixture of experts', experts, ['count', 'perToken', 'normalise'])
  requireThat(experts.normalise, 'shares of experts that add up to 1')
  return { innerSize, experts: experts.count, expertsPerToken: experts.perToken }
}

function areAlike(list: readonly unknown[]): boolean {
  const first = canonicalJson(JSON.parse(JSON.stringify(list[0])) as Json)
  return list.every(each => canonicalJson(JSON.parse(JSON.stringify(each)) as Json) === first)
}

/** Throws for a field that is there and not known, as the gradient would lack what it does. */
function requireOnly(where: string, value: object, known: readonly string[]): void {
  const stray = Object.entries(value).find(([key, each]) => each !== undefined && !known.includes(key))
  if (stray !== undefined) throw unknown(where, `'${stray[0]}'`)
}

function requireThat(holds: boolean, what: string): void {
  if (!holds) throw new UnsupportedError(`[distill/llama] expected ${what}; other families are not trained`)
}

function unknown(where: string, what: string): UnsupportedError {
  return new UnsupportedError(
    `[distill/llama] expected a Llama, got ${what} in ${where}; other families are not trained`,
  )
}
