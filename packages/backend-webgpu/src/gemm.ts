import type { Order, Tensor } from '@tersor/core-tensor'
import type { Parameter } from './programs.ts'
import { webGpuOf } from './webgpu-device.ts'

/** One side of a product: its tensors, and WGSL that reads it. */
export interface Factor {
  /** Whatever changes the code. */
  readonly key: string
  readonly inputs: Readonly<Record<string, Tensor | undefined>>
  readonly params: Readonly<Record<string, Parameter>>
  /** Whether neighbours along k lie side by side, rather than those across. */
  readonly alongK: boolean
}

/** The right side, which may read several numbers along k at once. */
export interface RightFactor extends Factor {
  /** Numbers along k that `b_unit` gives. */
  readonly unit: number
  /** `b_at(batch, k, j) -> f32`, and `b_unit(batch, u, j) -> array<f32, unit>` from k = u · unit on. */
  globals(): string
}

export interface LeftFactor extends Factor {
  /** `a_at(batch, i, k) -> f32` */
  globals(): string
}

export interface GemmShape {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
}

/** Rows up to which there are no tiles: the right side is read once for every four. */
const FEW_ROWS = 16
/** Rows, columns and depth of a tile; each thread has 4 × 4 sums. */
const TILE = 64
const DEPTH = 16
/** Reads along k from which a column is worth a whole row of lanes. */
const LONG = 512

/** y (batch, m, n) = a·b, or y + a·b; in sequence over k where `order` says so. */
export function gemm(
  y: Tensor,
  a: LeftFactor,
  b: RightFactor,
  shape: GemmShape,
  { accumulate, order = 'free' }: Order & { accumulate: boolean },
): void {
  const { batch, m, n, k } = shape
  const few = m <= FEW_ROWS && order === 'free'
  const [lanes, columns] = groupOf(b, k)
  const rows = m === 1 ? 1 : 4
  const tiles = few ? Math.ceil(m / rows) * Math.ceil(n / columns) : Math.ceil(m / TILE) * Math.ceil(n / TILE)
  webGpuOf(y).run({
    name: few ? 'gemmRows' : 'gemm',
    variant: `${few ? `${rows},${lanes}` : order},${a.key},${a.alongK},${b.key},${b.alongK}`,
    inputs: { ...a.inputs, ...b.inputs },
    outputs: { y },
    params: { m, n, k, accumulate: accumulate ? 1 : 0, ...a.params, ...b.params },
    groups: m === 0 ? 0 : batch * tiles,
    code: () => ({
      size: few ? lanes * columns : 256,
      globals: `${a.globals()}${b.globals()}${landing}${few ? rowsGlobals(rows, lanes * columns) : tileGlobals}`,
      main: few ? rowsMain({ rows, lanes, columns, unit: b.unit, alongK: b.alongK }) : tileMain(a, b, order),
    }),
  })
}

/** Whether it adds is asked at run time: half as many pipelines to compile. */
const landing = /* wgsl */ `
fn output(at: u32, value: f32) {
  if (p.accumulate == 0u) { set_y(at, value); } else { set_y(at, y(at) + value); }
}
`

/** Threads along k times columns of a group, for few rows. */
function groupOf({ alongK, unit }: RightFactor, k: number): readonly [lanes: number, columns: number] {
  if (!alongK) return [4, 32]
  return k / unit >= LONG ? [32, 4] : [8, 8]
}

/** The rows of a at once: a number, or four in a vector. */
function rowsGlobals(rows: number, threads: number): string {
  const type = rows === 1 ? 'f32' : 'vec4<f32>'
  const row = (i: number) => `a_at(batch, ${i === 0 ? 'row' : `min(row + ${i}u, p.m - 1u)`}, k)`
  return `
var<workgroup> parts: array<${type}, ${threads}>;
fn a_rows(batch: u32, row: u32, k: u32) -> ${type} { return ${type}(${Array.from({ length: rows }, (_, i) => row(i)).join(', ')}); }
`
}

interface RowsLayout {
  /** At least m. */
  readonly rows: number
  readonly lanes: number
  readonly columns: number
  readonly unit: number
  readonly alongK: boolean
}

/** Lanes of a column share its k, and add up at the end. */
function rowsMain({ rows, lanes, columns, unit, alongK }: RowsLayout): string {
  const [lane, column] = alongK
    ? [`thread % ${lanes}u`, `thread / ${lanes}u`]
    : [`thread / ${columns}u`, `thread % ${columns}u`]
  return /* wgsl */ `
  let across = (p.n + ${columns - 1}u) / ${columns}u;
  let tiles = ((p.m + ${rows - 1}u) / ${rows}u) * across;
  let batch = group / tiles;
  let row = ((group % tiles) / across) * ${rows}u;
  let lane = ${lane};
  let j = (group % across) * ${columns}u + ${column};
  var sums = ${rows === 1 ? '0.0' : 'vec4<f32>()'};
  if (j < p.n) {
    for (var u = lane; u * ${unit}u < p.k; u += ${lanes}u) {
      let right = b_unit(batch, u, j);
      let k = u * ${unit}u;
      ${Array.from({ length: unit }, (_, step) =>
        step === 0
          ? 'sums += a_rows(batch, row, k) * right[0];'
          : `if (k + ${step}u < p.k) { sums += a_rows(batch, row, k + ${step}u) * right[${step}]; }`,
      ).join('\n      ')}
    }
  }
  parts[thread] = sums;
  workgroupBarrier();
  if (lane != 0u || j >= p.n) { return; }
  for (var other = 1u; other < ${lanes}u; other++) { sums += parts[thread + other * ${alongK ? '1u' : `${columns}u`}]; }
  ${Array.from({ length: rows }, (_, i) => {
    const line = `output((batch * p.m + row + ${i}u) * p.n + j, sums${rows === 1 ? '' : `[${i}]`});`
    return i === 0 ? line : `if (row + ${i}u < p.m) { ${line} }`
  }).join('\n  ')}`
}

const tileGlobals = /* wgsl */ `
var<workgroup> a_tile: array<f32, ${TILE * DEPTH}>; // (DEPTH, TILE)
var<workgroup> b_tile: array<f32, ${TILE * DEPTH}>; // (DEPTH, TILE)
fn a_four(at: u32) -> vec4<f32> { return vec4<f32>(a_tile[at], a_tile[at + 1u], a_tile[at + 2u], a_tile[at + 3u]); }
fn b_four(at: u32) -> vec4<f32> { return vec4<f32>(b_tile[at], b_tile[at + 1u], b_tile[at + 2u], b_tile[at + 3u]); }
fn rounded4(x: vec4<f32>) -> vec4<f32> { return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) | vec4<u32>(p.zero)); }
fn land4(batch: u32, i: u32, j: u32, values: vec4<f32>) {
  if (i >= p.m) { return; }
  for (var c = 0u; c < min(4u, max(j, p.n) - j); c++) { output((batch * p.m + i) * p.n + j + c, values[c]); }
}
`

function tileMain(a: LeftFactor, b: RightFactor, order: 'free' | 'sequential'): string {
  // Neighbouring threads read neighbours in memory.
  const place = (alongK: boolean) =>
    alongK
      ? `let depth = e % ${DEPTH}u; let across = e / ${DEPTH}u;`
      : `let depth = e / ${TILE}u; let across = e % ${TILE}u;`
  const step =
    order === 'sequential'
      ? (r: number) => `sums${r} = rounded4(sums${r} + rounded4(left[${r}] * right));`
      : (r: number) => `sums${r} += left[${r}] * right;`
  return /* wgsl */ `
  let across_n = (p.n + ${TILE - 1}u) / ${TILE}u;
  let tiles = ((p.m + ${TILE - 1}u) / ${TILE}u) * across_n;
  let batch = group / tiles;
  let row0 = ((group % tiles) / across_n) * ${TILE}u;
  let column0 = ((group % tiles) % across_n) * ${TILE}u;
  let i0 = (thread / 16u) * 4u;
  let j0 = (thread % 16u) * 4u;
  ${fourTimes(r => `var sums${r} = vec4<f32>();`)}
  for (var k0 = 0u; k0 < p.k; k0 += ${DEPTH}u) {
    for (var e = thread; e < ${TILE * DEPTH}u; e += 256u) {
      ${place(a.alongK)}
      var value = 0.0;
      if (row0 + across < p.m && k0 + depth < p.k) { value = a_at(batch, row0 + across, k0 + depth); }
      a_tile[depth * ${TILE}u + across] = value;
    }
    for (var e = thread; e < ${TILE * DEPTH}u; e += 256u) {
      ${place(b.alongK)}
      var value = 0.0;
      if (column0 + across < p.n && k0 + depth < p.k) { value = b_at(batch, k0 + depth, column0 + across); }
      b_tile[depth * ${TILE}u + across] = value;
    }
    workgroupBarrier();
    let depths = min(${DEPTH}u, p.k - k0);
    for (var depth = 0u; depth < depths; depth++) {
      let left = a_four(depth * ${TILE}u + i0);
      let right = b_four(depth * ${TILE}u + j0);
      ${fourTimes(step)}
    }
    workgroupBarrier();
  }
  ${fourTimes(r => `land4(batch, row0 + i0 + ${r}u, column0 + j0, sums${r});`)}`
}

function fourTimes(line: (r: number) => string): string {
  return [0, 1, 2, 3].map(line).join('\n  ')
}

/** A plain tensor as the left side: row i and k are `[rowStride, kStride]` apart. */
export function leftOf(
  a: Tensor,
  batchStride: number,
  [rowStride, kStride]: readonly [number, number],
): LeftFactor {
  return {
    key: '',
    inputs: { a },
    params: { a_batch: batchStride, a_i: rowStride, a_k: kStride },
    alongK: kStride === 1,
    globals: () =>
      'fn a_at(batch: u32, i: u32, k: u32) -> f32 { return f32(a(batch * p.a_batch + i * p.a_i + k * p.a_k)); }\n',
  }
}

/** A plain tensor as the right side. */
export function rightOf(
  b: Tensor,
  batchStride: number,
  [kStride, columnStride]: readonly [number, number],
): RightFactor {
  return {
    key: '',
    inputs: { b },
    params: { b_batch: batchStride, b_k: kStride, b_j: columnStride },
    alongK: kStride === 1,
    unit: 1,
    globals: () => `
fn b_at(batch: u32, k: u32, j: u32) -> f32 { return f32(b(batch * p.b_batch + k * p.b_k + j * p.b_j)); }
fn b_unit(batch: u32, u: u32, j: u32) -> array<f32, 1> { return array<f32, 1>(b_at(batch, u, j)); }
`,
  }
}
