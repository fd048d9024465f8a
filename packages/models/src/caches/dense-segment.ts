import type { Device, Tensor } from '@tersor/core-tensor'
import { copy } from '@tersor/core-tensor/reference'

/** A run of tokens of one layer. Sealed once a fork shares it: then only its length may be cut, in a copy. */
export interface DenseSegment {
  /** (kvHeads, capacity, headDim), rotated */
  keys: Tensor
  /** (kvHeads, capacity, headDim) */
  values: Tensor
  /** (capacity) int32 */
  positions: Tensor
  length: number
  /** How many caches hold these tensors. */
  owners: { count: number }
}

/** Room for tokens of a layer. */
export function emptySegment(
  device: Device,
  capacity: number,
  [kvHeads, headDim]: readonly [kvHeads: number, headDim: number],
): DenseSegment {
  return {
    keys: device.empty('float32', [kvHeads, capacity, headDim]),
    values: device.empty('float32', [kvHeads, capacity, headDim]),
    positions: device.empty('int32', [capacity]),
    length: 0,
    owners: { count: 1 },
  }
}

/** Appends the tokens of one segment to another, from one of them on, head by head because their capacities differ. */
export function moveTokens(from: DenseSegment, to: DenseSegment, start = 0): void {
  const [kvHeads, room, headDim] = from.keys.dims as [number, number, number]
  const count = from.length - start
  for (const [source, target] of [
    [from.keys, to.keys],
    [from.values, to.values],
  ] as const) {
    for (let head = 0; head < kvHeads; head++) {
      const tokens = source
        .rows(head, head + 1)
        .reshape([room, headDim])
        .rows(start, from.length)
      copy(tokens.reshape([1, count, headDim]), { out: target, at: [head, to.length, 0] })
    }
  }
  copy(from.positions.rows(start, from.length), { out: to.positions, at: [to.length] })
  to.length += count
}

/** Several segments as one that one cache alone holds; a single one, or none, as it is. */
export function joinSegments(segments: DenseSegment[]): DenseSegment[] {
  const [first] = segments
  if (first === undefined || segments.length < 2) return segments
  const [kvHeads, , headDim] = first.keys.dims as [number, number, number]
  const whole = emptySegment(first.keys.device, tokensOf(segments), [kvHeads, headDim])
  for (const segment of segments) {
    moveTokens(segment, whole)
    releaseSegment(segment)
  }
  return [whole]
}

export function tokensOf(segments: readonly DenseSegment[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0)
}

/** One cache less holds it; the last one frees it. */
export function releaseSegment({ keys, values, positions, owners }: DenseSegment): void {
  if (--owners.count > 0) return
  for (const tensor of [keys, values, positions]) tensor.dispose()
}
