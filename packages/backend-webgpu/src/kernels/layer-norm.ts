import { type CoreKernels, ShapeError } from '@tersor/core-tensor'
import { requireNumber } from '@tersor/core-tensor/host'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { fold } from '../wgsl/group.ts'

/** A group a row. */
export const layerNorm: CoreKernels['layerNorm'] = (x, weight, options) => {
  const { epsilon, bias } = options
  const d = x.dims.at(-1)
  if (d === undefined || weight.size !== d || (bias !== undefined && bias.size !== d)) {
    throw new ShapeError(
      `[layerNorm] expected x (…, d), a weight (d) and a bias (d) or none, got [${x.dims}], [${weight.dims}]` +
        ` and ${bias === undefined ? 'none' : `[${bias.dims}]`}`,
    )
  }
  requireNumber('layerNorm', 'epsilon', epsilon)
  return output('layerNorm', 'float32', x, x.dims, options, (y, accumulate) =>
    webGpuOf(x).run({
      name: 'layerNorm',
      variant: `${accumulate},${bias !== undefined}`,
      inputs: { x, weight, bias },
      outputs: { y },
      params: { d, epsilon: { f32: epsilon } },
      groups: d === 0 ? 0 : x.size / d,
      code: card => ({
        size: 128,
        globals: fold(card, 'total', 128, 'add'),
        main: /* wgsl */ `
  let start = group * p.d;
  var sum = 0.0;
  for (var i = thread; i < p.d; i += 128u) { sum += f32(x(start + i)); }
  let mean = total(sum, thread) / f32(p.d);
  var squares = 0.0;
  for (var i = thread; i < p.d; i += 128u) { let v = f32(x(start + i)) - mean; squares += v * v; }
  let scale = 1.0 / sqrt(total(squares, thread) / f32(p.d) + p.epsilon);
  for (var i = thread; i < p.d; i += 128u) {
    let v = (f32(x(start + i)) - mean) * scale * f32(weight(i))${bias === undefined ? '' : ' + f32(bias(i))'};
    set_y(start + i, ${accumulate ? 'y(start + i) + v' : 'v'});
  }`,
      }),
    }),
  )
}
