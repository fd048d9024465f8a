import { type CoreKernels, ShapeError, sameDims } from '@tersor/core-tensor'
import { elementwise } from '../elementwise.ts'
import { output } from '../output.ts'

/** A thread a row. */
export const nearest: CoreKernels['nearest'] = (x, table, options = {}) => {
  const [n = 0, d = 0] = x.dims
  const [entries = 0, width = 0] = table.dims
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
  return output('nearest', 'int32', x, [n], options, y =>
    elementwise(y, {
      name: 'nearest',
      inputs: { x, table, weight },
      params: { d, entries, weight_stride: weight?.size === x.size ? d : 0 },
      scalar: 'i32',
      element: () => /* wgsl */ `
fn element(i: u32) -> i32 {
  var best = 3.4028234e38;
  var found = 0;
  for (var e = 0u; e < p.entries; e++) {
    var distance = 0.0;
    for (var j = 0u; j < p.d; j++) {
      let difference = f32(x(i * p.d + j)) - f32(table(e * p.d + j));
      distance += difference * difference${weight ? ' * f32(weight(i * p.weight_stride + j))' : ''};
    }
    if (distance < best) { best = distance; found = i32(e); }
  }
  return found;
}
`,
    }),
  )
}
