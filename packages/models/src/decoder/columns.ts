import type { Tensor } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'

/** One of the blocks that lie side by side in the rows of (rows, n · width): (rows, width). */
export function columns(x: Tensor, block: number, width: number): Tensor {
  const [rows, all] = x.dims as [number, number]
  const apart = transpose(x.reshape([rows, all / width, width]), [1, 0, 2])
  return apart.rows(block, block + 1).reshape([rows, width])
}
