import { logOf } from '../elementwise/exponential'
import { exponentials, largestOf, scaleRow } from '../rows/softmax-norm'
import { shareOf } from '../share'

/** Of each row the loss, and weight · (softmax − one at the target); nothing of rows without weight. */
export function crossEntropy(
  losses: usize,
  slopes: usize,
  logits: usize,
  targets: usize,
  weights: usize,
  rows: u32,
  columns: u32,
  part: u32,
  parts: u32,
): void {
  const bytes = (<usize>columns) << 2
  const end = shareOf(rows, part + 1, parts)
  for (let row = shareOf(rows, part, parts); row < end; row++) {
    const scores = logits + <usize>row * bytes
    const to = slopes + <usize>row * bytes
    const target = load<u32>(targets + (row << 2))
    const weight = f32.load(weights + (row << 2))
    if (weight == 0 || target >= columns) {
      f32.store(losses + (row << 2), 0)
      memory.fill(to, 0, bytes)
      continue
    }
    const largest = largestOf(scores, columns)
    const sum = exponentials(to, scores, columns, largest)
    const at = target << 2
    f32.store(losses + (row << 2), <f32>(logOf(<f32>sum) + <f64>largest - <f64>f32.load(scores + at)))
    scaleRow(to, to, columns, <f32>(<f64>weight / sum))
    f32.store(to + at, f32.load(to + at) - weight)
  }
}
