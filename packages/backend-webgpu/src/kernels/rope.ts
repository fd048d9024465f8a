import { type CoreKernels, isFloat, ShapeError, type Tensor } from '@tersor/core-tensor'
import { requireOneOf, ropeLayouts, ropeScale } from '@tersor/core-tensor/host'
import { elementwise, retyped } from '../elementwise.ts'
import { output } from '../output.ts'
import { angles } from '../wgsl/angles.ts'

export const rope: CoreKernels['rope'] = (x, options) => {
  const { positions, frequencies, layout } = options
  requireOneOf('rope', 'a layout', layout, ropeLayouts)
  const scale = ropeScale(options)
  const [tokens = 0, headDim = 0] = x.dims.slice(-2)
  const pairs = frequencies.size
  if (x.dims.length < 2 || positions.size !== tokens || 2 * pairs > headDim) {
    throw new ShapeError(
      `[rope] expected x (…, tokens, headDim), positions (tokens) and at most headDim / 2 frequencies, ` +
        `got [${x.dims}], [${positions.dims}] and [${frequencies.dims}]`,
    )
  }
  const wide = frequencies.type === 'float64'
  const whole = !isFloat(positions.type)
  return output('rope', 'float32', x, x.dims, options, (y, accumulate) =>
    elementwise(y, {
      name: 'rope',
      variant: `${layout},${wide},${whole}`,
      inputs: { x, positions, frequencies: wide ? wordsOf(frequencies) : frequencies },
      params: {
        tokens,
        head_dim: headDim,
        pairs,
        cos_scale: { f32: scale.cos },
        sin_scale: { f32: scale.sin },
      },
      scalar: 'f32',
      accumulate,
      element: () => /* wgsl */ `
${angles(wide, whole)}
fn element(i: u32) -> f32 {
  let column = i % p.head_dim;
  if (column >= 2u * p.pairs) { return f32(x(i)); }
  ${
    layout === 'half'
      ? 'let f = column % p.pairs; let second = column >= p.pairs; let apart = p.pairs;'
      : 'let f = column / 2u; let second = column % 2u == 1u; let apart = 1u;'
  }
  let turn = angle((i / p.head_dim) % p.tokens, f) * vec2<f32>(p.cos_scale, p.sin_scale);
  if (second) { return f32(x(i - apart)) * turn.y + f32(x(i)) * turn.x; }
  return f32(x(i)) * turn.x - f32(x(i + apart)) * turn.y;
}
`,
    }),
  )
}

/** The two words of each float64. */
function wordsOf(x: Tensor): Tensor {
  return retyped(x, 'uint32', [2 * x.size])
}
