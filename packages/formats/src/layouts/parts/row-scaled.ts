import { dense, type Encoded, scaled, type Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'

/**
 * 8-bit floats times one number for each row, or for all of them.
 *
 * @param scale  as many numbers as there are rows, or one; of any shape
 */
export function rowScaled(weight: Tensor, scale: Tensor): Encoded {
  return scaled(dense(weight), cast(scale, 'float32').reshape([scale.size]), 0)
}
