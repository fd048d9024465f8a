import type { Device } from '../device/device.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type Encoded, isEncoded } from './encoded.ts'
import { withParts } from './with-parts.ts'

/**
 * A weight on a device, part by part: itself where a tensor is there already, else a copy. Pack it
 * there with `device.pack`; a packed weight is unpacked before it moves.
 *
 * @example
 * const half = dense(cast(new Tensor('float32', [1, 2], [2]), 'float16'))
 * decode(await transfer(half, reference)).data // => Float32Array [1, 2]
 */
export async function transfer<W extends Tensor | Encoded>(weight: W, device: Device): Promise<W>
export async function transfer(weight: Tensor | Encoded, device: Device): Promise<Tensor | Encoded> {
  if (!isEncoded(weight)) return weight.to(device)
  const parts: Record<string, Tensor | Encoded> = {}
  for (const [name, part] of Object.entries(weight.parts)) parts[name] = await transfer(part, device)
  return withParts(weight, parts)
}
