import { type CoreKernels, ShapeError } from '@tersor/core-tensor'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { fold, LOWEST } from '../wgsl/group.ts'

/** A group a row. */
export const softmax: CoreKernels['softmax'] = (x, options = {}) => {
  const n = x.dims.at(-1)
  if (n === undefined) throw new ShapeError('[softmax] expected x (…, n), got a scalar')
  return output('softmax', 'float32', x, x.dims, options, (y, accumulate) =>
    webGpuOf(x).run({
      name: 'softmax',
      variant: `${accumulate}`,
      inputs: { x },
      outputs: { y },
      params: { n },
      groups: n === 0 ? 0 : x.size / n,
      code: card => ({
        size: 128,
        globals: `${fold(card, 'greatest', 128, 'max')}${fold(card, 'total', 128, 'add')}
// −∞ as the lowest number, which weighs nothing.
fn weight(v: f32, shift: f32) -> f32 { return select(0.0, exp(v - shift), v > ${LOWEST}); }`,
        main: /* wgsl */ `
  let start = group * p.n;
  var most = ${LOWEST};
  for (var i = thread; i < p.n; i += 128u) { most = max(most, f32(x(start + i))); }
  let shift = greatest(most, thread);
  var sum = 0.0;
  for (var i = thread; i < p.n; i += 128u) { sum += weight(f32(x(start + i)), shift); }
  let whole = max(total(sum, thread), 1e-30);
  for (var i = thread; i < p.n; i += 128u) {
    let v = weight(f32(x(start + i)), shift) / whole;
    set_y(start + i, ${accumulate ? 'y(start + i) + v' : 'v'});
  }`,
      }),
    }),
  )
}
