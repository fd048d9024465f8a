import { type CoreKernels, sizeOf } from '@tersor/core-tensor'
import { tensorPart } from '@tersor/core-tensor/host'
import { land } from '../landing.ts'
import { linearStored } from '../linear-stored.ts'
import { deviceOf } from '../webgpu-device.ts'

/** Compressed rows are walked, a thread an output; every other layout is read by place. */
export const linearSparse: CoreKernels['linearSparse'] = (x, w, options = {}) => {
  if (w.meta.pattern !== 'rows' || options.transpose) return linearStored(x, w, options)
  const [n, k] = w.dims as [number, number]
  const batchDims = x.dims.slice(0, -1)
  const m = sizeOf(batchDims)
  const [values, index, starts] = ['values', 'index', 'starts'].map(name => tensorPart(w, name))
  return land('linear', 'float32', x, [...batchDims, n], options, (y, accumulate) =>
    deviceOf(x).run({
      name: 'linearSparse',
      variant: `${accumulate}`,
      inputs: { x, values, index, starts },
      outputs: { y },
      params: { count: m * n, n, k },
      groups: Math.ceil((m * n) / 64),
      code: () => ({
        main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let row = i % p.n;
  let start = (i / p.n) * p.k;
  var sum = 0.0;
  for (var at = u32(starts(row)); at < u32(starts(row + 1u)); at++) {
    // In sequence means rounded after every step; here it costs nothing.
    sum = rounded(sum + rounded(f32(x(start + u32(index(at)))) * f32(values(at))));
  }
  set_y(i, ${accumulate ? 'y(i) + sum' : 'sum'});`,
      }),
    }),
  )
}
