import {
  type Device,
  dense,
  type Encoded,
  isEncoded,
  isFloat,
  reference,
  type Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { Llama } from './llama.ts'
import { type ModelFile, openModel } from './open-model.ts'
import { weightShapes } from './weight-names.ts'

/**
 * Loads a Llama model from a path, or from a file that {@link openModel} opened. Compressed weights
 * stay compressed, 16-bit ones 16-bit: they are decoded as they are multiplied.
 *
 * @throws {UnsupportedError} when the file has no configuration
 * @throws {FormatError} when it is malformed
 */
export async function loadModel(
  from: string | ModelFile,
  { device = reference }: { device?: Device } = {},
): Promise<Llama> {
  const file = typeof from === 'string' ? await openModel(from) : from
  try {
    if (file.config === undefined) {
      throw new UnsupportedError(
        '[models/load-model] expected a config.json beside the weights, or a configuration inside, got neither',
      )
    }
    const weights = new Map<string, Tensor | Encoded>()
    for (const name of weightShapes(file.config).keys())
      weights.set(name, resident(await file.load(name), device))
    return new Llama(file.config, weights, device)
  } finally {
    if (typeof from === 'string') await file.close()
  }
}

/** A weight as it multiplies: on the device, vectors in float32, narrow matrices behind `dense`. */
function resident(weight: Tensor | Encoded, device: Device): Tensor | Encoded {
  const moved = uploaded(weight, device)
  if (isEncoded(moved)) return device.pack(moved)
  if (moved.type === 'float32') return moved
  return moved.dims.length === 1 || !isFloat(moved.type) ? cast(moved, 'float32') : dense(moved)
}

function uploaded<W extends Tensor | Encoded>(weight: W, device: Device): W
function uploaded(weight: Tensor | Encoded, device: Device): Tensor | Encoded {
  if (!isEncoded(weight)) return weight.device === device ? weight : device.upload(weight)
  const parts = Object.entries(weight.parts).map(([name, part]) => [name, uploaded(part, device)] as const)
  return { ...weight, parts: Object.fromEntries(parts) }
}
