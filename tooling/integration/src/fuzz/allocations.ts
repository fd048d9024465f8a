/** The typed arrays whose lengths are counted. */
const KINDS = [
  ...['Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array', 'Uint32Array', 'Int32Array'],
  ...['Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'ArrayBuffer'],
] as const

type Constructor = (new (...args: unknown[]) => object) & { BYTES_PER_ELEMENT?: number }

/** What was asked for since the last reset. */
export interface Allocations {
  /** Bytes of the largest array. */
  largest: number
  reset(): void
  /** Puts the constructors back. */
  stop(): void
}

/**
 * Notes the bytes of every typed array that is made by its length, also of one that is then refused: constructors are wrapped
 * until `stop`.
 */
export function watchAllocations(): Allocations {
  const scope = globalThis as unknown as Record<string, Constructor>
  const before = KINDS.map(kind => scope[kind]!)
  const allocations: Allocations = {
    largest: 0,
    reset() {
      allocations.largest = 0
    },
    stop() {
      for (const [i, kind] of KINDS.entries()) scope[kind] = before[i]!
    },
  }
  for (const [i, kind] of KINDS.entries()) {
    const original = before[i]!
    const width = original.BYTES_PER_ELEMENT ?? 1
    scope[kind] = new Proxy(original, {
      construct(target, args, newTarget) {
        if (typeof args[0] === 'number') allocations.largest = Math.max(allocations.largest, args[0] * width)
        return Reflect.construct(target, args, newTarget === scope[kind] ? target : newTarget)
      },
    })
  }
  return allocations
}
