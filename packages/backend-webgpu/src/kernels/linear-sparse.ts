import { type CoreKernels, sizeOf } from '@tersor/core-tensor'
import { linearStored } from '../linear-stored.ts'
import { output } from '../output.ts'
import { plainPart } from '../stored-weight.ts'
import { webGpuOf } from '../webgpu-device.ts'

/** Rows are walked, a thread an output; n of m is read by place. */
export const linearSparse: CoreKernels['linearSparse'] = (x, w, options = {}) => {
  const { pattern } = w.meta
  if (pattern === 'nOfM' || options.transpose) return linearStored(x, w, options)
  const [n, k] = w.dims as [number, number]
  const batchDims = x.dims.slice(0, -1)
  const m = sizeOf(batchDims)
  const [values, index, starts] = ['values', 'index', 'starts'].map(name => plainPart(w, name))
  return output('linear', 'float32', x, [...batchDims, n], options, (y, accumulate) =>
    webGpuOf(x).run({
      name: 'linearSparse',
      variant: `${pattern},${accumulate}`,
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
  ${pattern === 'mask' ? walkMask : walkColumns}
  set_y(i, ${accumulate ? 'y(i) + sum' : 'sum'});`,
      }),
    }),
  )
}

// In sequence means rounded after every step; here it costs nothing.
const add = (column: string, at: string) =>
  `sum = rounded(sum + rounded(f32(x(start + ${column})) * f32(values(${at}))));`

const walkColumns = /* wgsl */ `
  for (var at = u32(starts(row)); at < u32(starts(row + 1u)); at++) { ${add('u32(index(at))', 'at')} }`

const walkMask = /* wgsl */ `
  let bytes = (p.k + 7u) / 8u;
  var at = u32(starts(row));
  for (var byte = 0u; byte < bytes; byte++) {
    for (var bits = u32(index(row * bytes + byte)); bits != 0u; bits &= bits - 1u) {
      ${add('8u * byte + firstTrailingBit(bits)', 'at')}
      at++;
    }
  }`
