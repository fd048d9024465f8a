import { type CoreKernels, ShapeError } from '@tersor/core-tensor'
import { isWhole } from '@tersor/core-tensor/host'
import { webGpuOf } from '../webgpu-device.ts'

const THREADS = 128

/**
 * A group a row: the k-th largest by its bits, eight at a time from the top (radix select); then those
 * above it and the first of its equals, in order; then, sorted, each at its rank among the k.
 */
export const topK: CoreKernels['topK'] = (x, { k, sorted = true }) => {
  const n = x.dims.at(-1)
  if (n === undefined || !isWhole(k, n)) {
    throw new ShapeError(`[topK] expected 0 ≤ k ≤ the last of [${x.dims}], got ${k}`)
  }
  const device = webGpuOf(x)
  const dims = [...x.dims.slice(0, -1), k]
  const rows = n === 0 ? 0 : x.size / n
  return device.scope(() => {
    const [values, indices] = [device.make('float32', dims), device.make('int32', dims)]
    device.run({
      name: 'topK',
      inputs: { x },
      outputs: { values, indices },
      params: { n, k },
      groups: k === 0 ? 0 : rows,
      code: () => ({ size: THREADS, globals: selecting, main: select }),
    })
    if (!sorted || k < 2) return { values, indices }
    const [best, at] = [device.make('float32', dims), device.make('int32', dims)]
    device.run({
      name: 'topKSort',
      inputs: { values, indices },
      outputs: { best, at },
      params: { k, count: rows * k },
      groups: Math.ceil((rows * k) / 64),
      code: () => ({
        globals: keyOf,
        main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let start = i - i % p.k;
  let own = key_of(values(i));
  var rank = start;
  // Equals stay in their order.
  for (var j = start; j < start + p.k; j++) {
    let other = key_of(values(j));
    if (other > own || (other == own && j < i)) { rank++; }
  }
  set_best(rank, values(i));
  set_at(rank, indices(i));`,
      }),
    })
    return { values: best, indices: at }
  })
}

/** Keys that order as the numbers do: −0 as 0, NaN below all. */
const keyOf = /* wgsl */ `
fn key_of(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  if (is_nan(v)) { return 0u; }
  if ((bits & 0x7fffffffu) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
`

const selecting = /* wgsl */ `
${keyOf}
var<workgroup> counts: array<atomic<u32>, 256>;
var<workgroup> prefix: u32;
var<workgroup> wanted: u32;
var<workgroup> above: array<u32, ${THREADS}>;
var<workgroup> equal: array<u32, ${THREADS}>;
`

const select = /* wgsl */ `
  let start = group * p.n;
  if (thread == 0u) { prefix = 0u; wanted = p.k; }
  for (var shift = 24u; ; shift -= 8u) {
    for (var i = thread; i < 256u; i += ${THREADS}u) { atomicStore(&counts[i], 0u); }
    workgroupBarrier();
    let high = prefix;
    for (var i = thread; i < p.n; i += ${THREADS}u) {
      let key = key_of(f32(x(start + i)));
      if (shift == 24u || (key >> (shift + 8u)) == high) { atomicAdd(&counts[(key >> shift) & 255u], 1u); }
    }
    workgroupBarrier();
    if (thread == 0u) {
      var digit = 255u;
      var left = wanted;
      while (digit > 0u && atomicLoad(&counts[digit]) < left) { left -= atomicLoad(&counts[digit]); digit--; }
      prefix = (high << 8u) | digit;
      wanted = left;
    }
    workgroupBarrier();
    if (shift == 0u) { break; }
  }
  // Of the elements equal to the threshold the first \`wanted\` are taken. Each thread has a run of the row.
  let threshold = prefix;
  let run = (p.n + ${THREADS - 1}u) / ${THREADS}u;
  let first = min(thread * run, p.n);
  let last = min(first + run, p.n);
  var greater = 0u;
  var same = 0u;
  for (var i = first; i < last; i++) {
    let key = key_of(f32(x(start + i)));
    if (key > threshold) { greater++; } else if (key == threshold) { same++; }
  }
  above[thread] = greater;
  equal[thread] = same;
  workgroupBarrier();
  var greater_before = 0u;
  var same_before = 0u;
  for (var t = 0u; t < thread; t++) { greater_before += above[t]; same_before += equal[t]; }
  var place = greater_before + min(same_before, wanted);
  for (var i = first; i < last; i++) {
    let v = f32(x(start + i));
    let key = key_of(v);
    var taken = key > threshold;
    if (key == threshold) { taken = same_before < wanted; same_before++; }
    if (taken) {
      set_values(group * p.k + place, v);
      set_indices(group * p.k + place, i32(i));
      place++;
    }
  }`
