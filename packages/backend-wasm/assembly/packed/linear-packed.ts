import { quantizeRow, segmentCount } from './activations'
import { multiplyBlocks } from '../products/gemm'
import { levelsRow, prepareLevels } from './levels'
import { linearPackedMany } from './linear-packed-many'
import { linearPackedManyBytes } from './linear-packed-many-bytes'
import { linearPackedOne } from './linear-packed-one'
import { tileBytes } from './layout'
import { LEVELS, setLevels } from '../products/panel'
import { scratchOf } from '../scratch'
import { shareOf } from '../share'

/** From so many rows on, codes are unpacked once for all of them. */
const MANY: u32 = 4

export function linearPacked(
  y: usize,
  x: usize,
  stream: usize,
  table: usize,
  m: u32,
  n: u32,
  k: u32,
  bits: u32,
  group: u32,
  scaleType: i32,
  shiftKind: i32,
  constant: i32,
  precision: i32,
  accumulate: u32,
  part: u32,
  parts: u32,
): void {
  const scratch = scratchOf(part)
  const start = shareOf((n + 7) >> 3, part, parts)
  const end = shareOf((n + 7) >> 3, part + 1, parts)
  if (start == end || m == 0) return
  if (ASC_FEATURE_RELAXED_SIMD && m >= MANY && table == 0 && bits <= 4 && precision != 0) {
    linearPackedManyBytes(y, x, stream, m, n, k, bits, group, shiftKind, constant, accumulate != 0, start, end, scratch)
    return
  }
  if (m >= MANY && table == 0) {
    linearPackedMany(y, x, stream, m, n, k, bits, group, shiftKind, constant, accumulate != 0, start, end, scratch)
    return
  }
  if (m >= MANY) {
    setLevels(table, bits, group, shiftKind)
    multiplyBlocks(y, n, x, k, false, stream, k, LEVELS, m, start << 3, min(n, end << 3), k, accumulate != 0, false, scratch)
    return
  }
  if (table == 0) {
    for (let i: u32 = 0; i < m; i++) {
      const row = y + (<usize>(i * n) << 2)
      linearPackedOne(row, x + (<usize>(i * k) << 2), stream, n, k, bits, group, shiftKind, constant, precision, accumulate != 0, start, end, scratch)
    }
    return
  }
  const size = tileBytes(k, bits, group, shiftKind)
  const numbers = scratch + 128
  const q = numbers + <usize>segmentCount(k, group) * 8
  prepareLevels(scratch, table, bits)
  for (let i: u32 = 0; i < m; i++) {
    quantizeRow(q, 4, numbers, 8, x + (<usize>(i * k) << 2), k, group, 16383)
    for (let tile = start; tile < end; tile++) {
      const to = y + (<usize>(i * n + (tile << 3)) << 2)
      const from = stream + <usize>tile * size
      const count = min(8, n - (tile << 3))
      // Results go to the beginning of the scratch first where the tile is not whole.
      const target = count == 8 ? to : scratch + 32
      levelsRow(target, from, q, numbers, scratch, k, bits, group, shiftKind, accumulate != 0 && count == 8)
      if (count == 8) continue
      for (let c: u32 = 0; c < count; c++) {
        const sum = f32.load(target + (c << 2))
        f32.store(to + (c << 2), accumulate != 0 ? f32.load(to + (c << 2)) + sum : sum)
      }
    }
  }
}
