import type { Convolution, Tensor } from '@tersor/core-tensor'
import { binary, copy, transpose } from '@tersor/core-tensor/reference'
import type { LayerPass } from './layer.ts'
import { biasOf, inLayer } from './roles.ts'

/**
 * A gated short convolution, as LFM2 has it (Liquid AI, 2025, arXiv:2511.23404): out(c ⊙ conv(b ⊙ u)) with
 * b, c, u = input(x). It keeps the last kernel − 1 rows of b ⊙ u.
 */
export function runConvolution({ channels }: Convolution, x: Tensor, pass: LayerPass): Tensor {
  const { weights, layer, cache, taps } = pass
  const { device } = weights
  const role = (name: string) => inLayer(layer, `convolution.${name}`)
  taps?.linear?.([role('input')], x)
  const before = cache.state(layer)?.rows
  const { out, rows } = device.scope(() => {
    const [b, c, u] = parts(weights.linear(x, role('input')), channels)
    const told = binary('mul', b!, u!)
    const mixed = shortConvolution(told, weights.tensor(role('kernel')), before)
    const bias = biasOf(role('kernel'))
    if (weights.has(bias)) binary('add', mixed.out, weights.tensor(bias), { out: mixed.out })
    return { out: binary('mul', c!, mixed.out), rows: mixed.rows }
  })
  cache.keep(layer, { rows }, x.dims[0]!)
  taps?.linear?.([role('output')], out)
  using inner = out
  return device.scope(() => weights.linear(inner, role('output')))
}

/**
 * A causal convolution of each channel with its own kernel.
 *
 * @param x  (tokens, channels)
 * @param kernel  (channels, width)
 * @param before  (width − 1, channels) what came before; zeros by default
 * @returns out (tokens, channels), and the rows (width − 1, channels) that the next call has before it
 */
export function shortConvolution(
  x: Tensor,
  kernel: Tensor,
  before: Tensor | undefined,
): { out: Tensor; rows: Tensor } {
  const { device } = x
  const [tokens, channels] = x.dims as [number, number]
  const width = kernel.dims[1]!
  const padded = device.empty('float32', [width - 1 + tokens, channels])
  if (before !== undefined) copy(before, { out: padded, at: [0, 0] })
  copy(x, { out: padded, at: [width - 1, 0] })
  const taps = transpose(kernel, [1, 0]) // (width, channels)
  const out = binary('mul', padded.rows(0, tokens), taps.rows(0, 1))
  for (let tap = 1; tap < width; tap++) {
    binary('add', out, binary('mul', padded.rows(tap, tap + tokens), taps.rows(tap, tap + 1)), { out })
  }
  const rows = device.empty('float32', [width - 1, channels])
  copy(padded.rows(tokens, tokens + width - 1), { out: rows, at: [0, 0] })
  return { out, rows }
}

/** (tokens, n · channels) as n tensors (tokens, channels) */
function parts(x: Tensor, channels: number): Tensor[] {
  const [tokens, width] = x.dims as [number, number]
  const count = width / channels
  const apart = transpose(x.reshape([tokens, count, channels]), [1, 0, 2])
  return Array.from({ length: count }, (_, i) => apart.rows(i, i + 1).reshape([tokens, channels]))
}
