import { type Device, type Encoded, isEncoded, type Tensor } from '@tersor/core-tensor'
import { tensorsOf } from '@tersor/core-tensor/host'
import type { ModelWeights, Weight } from './model-weights.ts'
import { residentWeight } from './resident-weight.ts'

/**
 * Weights on another device, packed into that device's layout one after the other. The source is freed weight by weight
 * unless it is to `keep`, so that hardly more than one model is held at any time.
 */
export async function moveWeights(
  { all, device: from }: ModelWeights,
  device: Device,
  { keep }: { readonly keep: boolean },
): Promise<ReadonlyMap<string, Weight>> {
  const moved = new Map<string, Weight>()
  for (const [name, weight] of all) {
    moved.set(name, await residentWeight(unpacked(weight, from), device))
    if (!keep) for (const tensor of tensorsOf(weight)) tensor.dispose()
  }
  return moved
}

/** A weight in the layout that every device reads. */
function unpacked(weight: Tensor | Encoded, device: Device): Weight {
  return isEncoded(weight) ? device.unpack(weight) : weight
}
