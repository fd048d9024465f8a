import { kernel, ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { floatData } from './float-data.ts'

/**
 * Gradients of y = x·r·g, r = 1/√(mean(x²) + ε), over rows:
 * dx = r·(dy·g) − x·r³·mean(dy·g·x), and dg += Σ dy·x·r over the rows.
 *
 * Plain loops: two passes over a row that fits the first cache, where kernels would take a dozen
 * passes over the whole tensor.
 *
 * @param x  (tokens, d) what was normalised
 * @param weight  (d) g
 * @param dy  (tokens, d)
 * @param options.weightGradient  (d) is added to
 * @param options.residual  (tokens, d) is added to dx: the gradient that goes around the norm
 * @returns dx (tokens, d)
 * @throws {ShapeError} when the shapes do not fit
 */
export const rmsNormBackward = /* @__PURE__ */ kernel('rmsNormBackward', rmsNormBackwardReference)

function rmsNormBackwardReference(
  x: Tensor,
  weight: Tensor,
  dy: Tensor,
  options: { epsilon: number; weightGradient: Tensor; residual?: Tensor | undefined },
): Tensor {
  const { epsilon, weightGradient, residual } = options
  const d = x.dims.at(-1) ?? 0
  const fits =
    weight.size === d &&
    weightGradient.size === d &&
    sameDims(dy.dims, x.dims) &&
    (residual === undefined || sameDims(residual.dims, x.dims))
  if (!fits) {
    throw new ShapeError(
      `[distill/rms-norm-backward] expected x and dy (tokens, d), a weight and its gradient (d), ` +
        `got [${x.dims}], [${dy.dims}], [${weight.dims}] and [${weightGradient.dims}]`,
    )
  }
  const dx = x.device.empty(dy.type, x.dims)
  const where = 'distill/rms-norm-backward'
  const input = floatData(x, where)
  const gain = floatData(weight, where)
  const given = floatData(dy, where)
  const around = residual === undefined ? undefined : floatData(residual, where)
  const result = floatData(dx, where)
  const gainGradient = new Float64Array(d)
  for (let row = 0; row < input.length; row += d) {
    let squares = 0
    let dot = 0
    for (let i = 0; i < d; i++) {
      const value = input[row + i]!
      squares += value * value
      dot += given[row + i]! * gain[i]! * value
    }
    const r = 1 / Math.sqrt(squares / d + epsilon)
    const pull = (r * r * r * dot) / d
    for (let i = 0; i < d; i++) {
      const value = input[row + i]!
      const slope = given[row + i]!
      gainGradient[i]! += slope * value * r
      result[row + i] = r * slope * gain[i]! - value * pull
    }
  }
  if (around !== undefined) for (let i = 0; i < result.length; i++) result[i]! += around[i]!
  const sums = floatData(weightGradient, where)
  for (let i = 0; i < d; i++) sums[i]! += gainGradient[i]!
  return dx
}
