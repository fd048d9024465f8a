import { type CoreKernels, ShapeError } from '@tersor/core-tensor'
import { requireNumber } from '@tersor/core-tensor/host'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { fold } from '../wgsl/group.ts'

/** A group a row. */
export const rmsNorm: CoreKernels['rmsNorm'] = (x, weight, options) => {
  const d = x.dims.at(-1)
  if (d === undefined || weight.size !== d) {
    throw new ShapeError(`[rmsNorm] expected x (…, d) and a weight (d), got [${x.dims}] and [${weight.dims}]`)
  }
  requireNumber('rmsNorm', 'epsilon', options.epsilon)
  return output('rmsNorm', 'float32', x, x.dims, options, (y, accumulate) =>
    webGpuOf(x).run({
      name: 'rmsNorm',
      variant: `${accumulate}`,
      inputs: { x, weight },
      outputs: { y },
      params: { d, epsilon: { f32: options.epsilon } },
      groups: d === 0 ? 0 : x.size / d,
      code: card => ({
        size: 128,
        globals: fold(card, 'total', 128, 'add'),
        main: /* wgsl */ `
  let start = group * p.d;
  var squares = 0.0;
  for (var i = thread; i < p.d; i += 128u) { let v = f32(x(start + i)); squares += v * v; }
  let scale = 1.0 / sqrt(total(squares, thread) / f32(p.d) + p.epsilon);
  for (var i = thread; i < p.d; i += 128u) {
    let v = f32(x(start + i)) * scale * f32(weight(i));
    set_y(start + i, ${accumulate ? 'y(start + i) + v' : 'v'});
  }`,
      }),
    }),
  )
}
