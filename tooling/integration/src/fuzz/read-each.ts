import { FormatError, TersorError } from '@tersor/core-tensor'
import type { WeightFile } from '@tersor/formats'

/** Larger decoded weights are the caller's to bound: a short tree can stand for a large matrix of zeros. */
export const MAX_DECODED = 2 ** 18

export function jsonOf(file: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(file))
  } catch (error) {
    throw new FormatError(`no JSON: ${(error as Error).message.slice(0, 100)}`)
  }
}

export async function readAll(file: WeightFile, read: (name: string) => Promise<unknown>): Promise<void> {
  await readEach(file.tensors.keys(), read)
}

/** Reads each, though one before it was refused, and then refuses them all as that one was. */
export async function readEach<T>(items: Iterable<T>, read: (item: T) => Promise<unknown>): Promise<void> {
  let refused: unknown
  for (const item of items) {
    try {
      await read(item)
    } catch (error) {
      if (!(error instanceof TersorError)) throw error
      refused ??= error
    }
  }
  if (refused !== undefined) throw refused
}
