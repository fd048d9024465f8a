import { kernel } from '../device/kernel.ts'
import { ShapeError } from '../errors.ts'
import { sameDims } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { output } from './output.ts'

/**
 * The index of the closest row of a table for every row of `x`, by (weighted) squared distance;
 * of equals the first.
 *
 * @param x  (n, d)
 * @param table  (entries, d)
 * @param options.weight  (d) or (n, d), how much each element counts
 * @returns (n) int32
 * @example
 * const table = new Tensor('float32', [-1, 0, 1], [3, 1])
 * nearest(new Tensor('float32', [0.6, -9], [2, 1]), table).data // => Int32Array [2, 0]
 */
export const nearest = /* @__PURE__ */ kernel('nearest', nearestReference)

function nearestReference(
  x: Tensor,
  table: Tensor,
  options: { out?: Tensor | undefined; weight?: Tensor | undefined } = {},
): Tensor {
  const [n, d] = x.dims as [number, number]
  const [entries, width] = table.dims as [number, number]
  const { weight } = options
  if (
    x.dims.length !== 2 ||
    table.dims.length !== 2 ||
    d !== width ||
    entries === 0 ||
    (weight && !sameDims(weight.dims, [d]) && !sameDims(weight.dims, x.dims))
  ) {
    throw new ShapeError(
      `[nearest] expected x (n, d), a table (entries ≥ 1, d) and a weight (d) or (n, d), got [${x.dims}], [${table.dims}]`,
    )
  }
  const { values, done } = output('nearest', x.device, 'int32', [n], options)
  const rows = floats(x)
  const centres = floats(table)
  const importance = weight === undefined ? undefined : floats(weight)
  const weightStep = importance?.length === x.size ? d : 0
  for (let i = 0; i < n; i++) {
    let best = Infinity
    for (let e = 0; e < entries; e++) {
      let distance = 0
      for (let j = 0; j < d; j++) {
        const difference = rows[i * d + j]! - centres[e * d + j]!
        distance += difference * difference * (importance === undefined ? 1 : importance[i * weightStep + j]!)
      }
      if (distance < best) {
        best = distance
        values[i] = e
      }
    }
  }
  return done()
}
