import {
  type Device,
  dense,
  type Encoded,
  isEncoded,
  isFloat,
  type Tensor,
  transfer,
} from '@tersor/core-tensor'
import { tensorsOf } from '@tersor/core-tensor/host'
import { cast } from '@tersor/core-tensor/reference'

/**
 * A weight as a device multiplies it: on the device, in its packed layout, vectors in float32, narrow
 * matrices behind `dense`. What was needed on the way is freed there.
 *
 * Use it for weights that replace those of a loaded model: one that is not packed works too, and is
 * multiplied hundreds of times slower.
 *
 * @returns tensors of its own, but for those that are on the device in that form already
 * @example
 * import { cast } from '@tersor/core-tensor/reference'
 *
 * const half = cast(new Tensor('float32', [1, 2, 3, 4], [2, 2]), 'float16')
 * await residentWeight(half, reference) // => Encoded dense float32 [2, 2]
 */
export async function residentWeight(weight: Tensor | Encoded, device: Device): Promise<Tensor | Encoded> {
  const moved = await transfer(weight, device)
  const resident = device.scope(() => packedOn(device, moved))
  const kept = new Set(tensorsOf([resident, weight]).map(({ memory }) => memory))
  for (const { memory } of tensorsOf(moved)) if (!kept.has(memory)) memory.free()
  return resident
}

function packedOn(device: Device, weight: Tensor | Encoded): Tensor | Encoded {
  if (isEncoded(weight)) return device.pack(weight)
  if (weight.type === 'float32') return weight
  return weight.dims.length === 1 || !isFloat(weight.type) ? cast(weight, 'float32') : dense(weight)
}
