import { FormatError, type Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, openSafetensors } from '@tersor/formats'

/** All that training knows: with the same data it goes on from here as if it had never stopped. */
export interface TrainingState {
  /** Steps made. */
  step: number
  /** Tokens seen. */
  tokens: number
  readonly weights: ReadonlyMap<string, Tensor>
  /** What optimisers remember, by weight name and then by slot, such as `mean`. */
  readonly slots: ReadonlyMap<string, Readonly<Record<string, Tensor>>>
}

const FORMAT = 'tersor-training-1'

/** A training state as a safetensors file: `weight/<name>`, and `<slot>/<name>` of optimisers. */
export function encodeCheckpoint({ step, tokens, weights, slots }: TrainingState): Uint8Array {
  const entries: [string, Tensor][] = Array.from(weights, ([name, weight]) => [`weight/${name}`, weight])
  for (const [name, state] of slots) {
    for (const [slot, tensor] of Object.entries(state)) entries.push([`${slot}/${name}`, tensor])
  }
  return encodeSafetensors(entries, { metadata: { training: FORMAT, step: `${step}`, tokens: `${tokens}` } })
}

/**
 * Reads what {@link encodeCheckpoint} wrote over a state of the same weights and optimisers.
 *
 * @throws {FormatError} when the file is another kind, or of another model or optimiser
 */
export async function restoreCheckpoint(bytes: Uint8Array, state: TrainingState): Promise<void> {
  const file = await openSafetensors(bytes)
  try {
    const count = (key: string) => {
      const value = Number(file.metadata.get(key))
      if (!Number.isSafeInteger(value) || value < 0)
        throw new FormatError(
          `[distill/checkpoint] expected a whole number '${key}', got ${file.metadata.get(key)}`,
        )
      return value
    }
    if (file.metadata.get('training') !== FORMAT) {
      throw new FormatError(
        `[distill/checkpoint] expected a file of kind '${FORMAT}', got '${file.metadata.get('training')}'`,
      )
    }
    const [step, tokens] = [count('step'), count('tokens')]
    const expected = new Map<string, Tensor>()
    for (const [name, weight] of state.weights) expected.set(`weight/${name}`, weight)
    for (const [name, slots] of state.slots)
      for (const [slot, tensor] of Object.entries(slots)) expected.set(`${slot}/${name}`, tensor)
    const read: [Tensor, Tensor][] = []
    for (const [name, tensor] of expected) {
      const info = file.tensors.get(name)
      if (info === undefined || info.type !== tensor.type || info.dims.join() !== tensor.dims.join()) {
        throw new FormatError(
          `[distill/checkpoint] expected '${name}' ${tensor.type} [${tensor.dims}], got ${
            info === undefined ? 'none' : `${info.dtype} [${info.dims}]`
          }; was it another model, or were the optimisers others?`,
        )
      }
      read.push([tensor, await file.read(name)])
    }
    if (file.tensors.size !== expected.size) {
      throw new FormatError(
        `[distill/checkpoint] expected ${expected.size} tensors, got ${file.tensors.size}; was it another model?`,
      )
    }
    // Everything fits: only now is anything written.
    for (const [to, from] of read) (to.data as Float32Array).set(from.data as Float32Array)
    state.step = step
    state.tokens = tokens
  } finally {
    await file.close()
  }
}
