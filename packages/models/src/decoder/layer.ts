import type { KVCache, Taps, Tensor } from '@tersor/core-tensor'
import { binary } from '@tersor/core-tensor/reference'
import { runAttention } from './attention.ts'
import type { Branch, DecoderConfig, Operation } from './config.ts'
import { constant } from './constant.ts'
import { runConvolution } from './convolution.ts'
import { runDeltaNet } from './delta-net.ts'
import { runFeedForward } from './feed-forward.ts'
import { runLowRank } from './low-rank.ts'
import type { ModelWeights } from './model-weights.ts'
import { runPerLayer } from './per-layer.ts'
import { inLayer } from './roles.ts'
import { withStreams } from './streams.ts'

/** What a layer asks of a cache, or of what takes its place. */
export type LayerCache = Pick<KVCache, 'segments' | 'append' | 'attend' | 'state' | 'keep'>

/** Where a layer runs, and what it is given beside its input. */
export interface LayerPass {
  readonly weights: ModelWeights
  readonly config: DecoderConfig
  readonly layer: number
  readonly cache: LayerCache
  /** (tokens) int32 */
  readonly positions: Tensor
  readonly tokens?: Int32Array | undefined
  /** (kvHeads, keys) added to the scores. */
  readonly mask?: Tensor | undefined
  readonly taps?: Taps | undefined
}

/** One layer: its branches in turn, each added to what the ones before it gave. */
export function runLayer(x: Tensor, pass: LayerPass): Tensor {
  const { config, layer } = pass
  if (config.streams !== undefined) {
    return withStreams(x, pass, (active, branches) => runBranches(active, branches, pass))
  }
  return runBranches(x, config.layers[layer]!.branches, pass)
}

/** @returns (tokens, hidden), never x itself */
function runBranches(x: Tensor, branches: readonly Branch[], pass: LayerPass): Tensor {
  const { weights, config, layer } = pass
  let h = x
  /** What the first branch's norm made of x, for branches that read it too. */
  let normed: Tensor | undefined
  for (const branch of branches) {
    const { op, norms, reads } = branch
    const u = reads === 'layer' ? x : h
    const n = norms.includes('before') ? weights.norm(u, inLayer(layer, `${op.kind}.before`)) : undefined
    const input = reads === 'normed' ? normed! : (n ?? u)
    // Neither the cache nor a tap may be called in a scope: what they allocate outlives this pass.
    using y = runOperation(op, input, pass)
    if (normed === undefined) normed = n
    else n?.dispose()
    const next = weights.device.scope(() => added(h, y, branch, pass))
    if (h !== x) h.dispose()
    h = next
  }
  normed?.dispose()
  if (config.layers[layer]!.scaled !== true) return h
  const scale = weights.tensor(inLayer(layer, 'scale'))
  return binary('mul', h, scale, { out: h })
}

function runOperation(op: Operation, x: Tensor, pass: LayerPass): Tensor {
  if (op.kind === 'attention') return runAttention(op, x, pass)
  if (op.kind === 'feedForward') return runFeedForward(op, x, pass)
  if (op.kind === 'convolution') return runConvolution(op, x, pass)
  if (op.kind === 'delta') return runDeltaNet(op, x, pass)
  if (op.kind === 'lowRank') return runLowRank(x, pass)
  return runPerLayer(op, x, pass)
}

/** h and what a branch says, with its norms and scales. */
function added(h: Tensor, said: Tensor, branch: Branch, { weights, layer }: LayerPass): Tensor {
  const { op, norms, scale, sumScale } = branch
  const role = (norm: string) => inLayer(layer, `${op.kind}.${norm}`)
  let y = norms.includes('after') ? weights.norm(said, role('after')) : said
  if (scale !== undefined) y = binary('mul', y, constant(weights.device, scale))
  let sum = binary('add', h, y)
  if (sumScale !== undefined) sum = binary('mul', sum, constant(weights.device, sumScale), { out: sum })
  return norms.includes('sum') ? weights.norm(sum, role('sum')) : sum
}
