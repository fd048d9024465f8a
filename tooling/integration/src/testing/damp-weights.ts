import {
  decode,
  dense,
  denseEncoding,
  NumericalError,
  ShapeError,
  type Tensor,
  toFloat32,
  type WeightMethod,
} from '@tersor/core-tensor'
import { binary, cast } from '@tersor/core-tensor/reference'

/** A method that makes every weight smaller. */
export const damp: WeightMethod<{ strength?: number | undefined }> = Object.freeze({
  name: 'damp-weights',
  version: 1,
  summary: 'makes weights smaller in every sense',
  needs: [],
  kinds: [denseEncoding],
  options: {
    strength: { is: 'number', min: 0, max: 1, default: 0.25, help: 'what each weight loses of itself' },
  } as const,
  apply(weight, { strength }) {
    if (!(weight?.dims?.length > 0))
      throw new ShapeError(`[damp-weights] expected at least one dimension, got ${weight?.dims}`)
    const values = 'encoding' in weight ? decode(weight) : (weight as Tensor)
    if (!toFloat32(values).every(Number.isFinite))
      throw new NumericalError('[damp-weights] expected finite weights')
    const factor = cast(values, 'float32')
    ;(factor.data as Float32Array).fill(1 - strength)
    return dense(cast(binary('mul', cast(values, 'float32'), factor), 'float16'))
  },
} satisfies WeightMethod<{ strength?: number | undefined }>)
