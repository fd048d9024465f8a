import { type CoreKernels, type Device, ShapeError, Tensor } from '@tersor/core-tensor'
import { output } from '../output.ts'
import { webGpuOf } from '../webgpu-device.ts'

const { fround } = Math

/**
 * Counts by comparing with the least float of each bin, which the host knows in float64: so every
 * element is counted where the reference counts it.
 */
export const histogram: CoreKernels['histogram'] = (x, options) => {
  const {
    bins,
    range: [low, high],
  } = options
  if (!Number.isInteger(bins) || bins < 1 || !(low < high) || !Number.isFinite(high - low)) {
    throw new ShapeError(
      `[histogram] expected bins ≥ 1 and a range low < high, got ${bins} and [${low}, ${high}]`,
    )
  }
  const device = webGpuOf(x)
  return device.scope(() =>
    output('histogram', 'int32', x, [bins], options, y => {
      const counts = device.empty('int32', [bins])
      device.run({
        name: 'histogram',
        inputs: { x, edges: edgesOf(bins, low, high, device) },
        outputs: { y: counts },
        atomic: true,
        params: { count: x.size, bins },
        groups: Math.ceil(x.size / 64),
        code: () => ({
          main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let v = f32(x(i));
  if (is_nan(v) || v < edges(0u) || v > edges(p.bins)) { return; }
  var low = 0u;
  var high = p.bins;
  while (high - low > 1u) {
    let middle = (low + high) / 2u;
    if (v >= edges(middle)) { low = middle; } else { high = middle; }
  }
  atomicAdd(&y_data[p.y_at + low], 1u);`,
        }),
      })
      device.kernels.cast!(counts, 'int32', { out: y })
    }),
  )
}

/** (bins + 1) the least float32 that falls into each bin, and the greatest that falls into the last. */
function edgesOf(bins: number, low: number, high: number, device: Device): Tensor {
  const edges = new Float32Array(bins + 1)
  const binOf = (value: number) => Math.floor(((value - low) / (high - low)) * bins)
  edges[0] = leastFloat(value => value >= low)
  for (let bin = 1; bin < bins; bin++) edges[bin] = leastFloat(value => value >= low && binOf(value) >= bin)
  const beyond = fround(high)
  edges[bins] = beyond <= high ? beyond : -leastFloat(value => -value <= high)
  return device.upload(new Tensor('float32', edges, [bins + 1]))
}

/** The least float32 for which something holds that holds for all greater ones too, by halving. */
function leastFloat(holds: (value: number) => boolean): number {
  let [low, high] = [-0x7f800001, 0x7f800000]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (holds(floatAt(middle))) high = middle
    else low = middle
  }
  return floatAt(high)
}

const bits = /* @__PURE__ */ new Uint32Array(1)
const number = /* @__PURE__ */ new Float32Array(bits.buffer)

/** Float32 numbers in order: 0 is 0, 1 the smallest above, −1 the one below. */
function floatAt(place: number): number {
  bits[0] = Math.abs(place)
  return place < 0 ? -number[0]! : number[0]!
}
