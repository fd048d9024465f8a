import { nodeModule } from '@tersor/core-tensor/host'

/** The beginning of a module with one function of type () → v128, whose body follows. */
const vectorFunction = (...body: number[]) =>
  Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...[1, 5, 1, 0x60, 0, 1, 0x7b],
    ...[3, 2, 1, 0],
    ...[10, body.length + 4, 1, body.length + 2, 0, ...body, 0x0b],
  )

const zero = [0xfd, 12, ...new Array<number>(16).fill(0)]

/** Whether the engine has 128-bit vectors. */
export function hasSimd(): boolean {
  return WebAssembly.validate(vectorFunction(...zero))
}

/** Whether it has relaxed ones: f32x4.relaxed_madd. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(vectorFunction(...zero, ...zero, ...zero, 0xfd, 0x85, 0x02))
}

/** Why memory cannot be shared with workers here, or undefined where it can. */
export function whyNotShared(): string | undefined {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean }
  if (typeof SharedArrayBuffer === 'undefined' || crossOriginIsolated === false)
    return 'the page is not cross-origin isolated'
  return undefined
}

/** How many threads can run at once. */
export function parallelism(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } }
  const os = nodeModule<typeof import('node:os')>('node:os')
  return os?.availableParallelism() ?? navigator?.hardwareConcurrency ?? 1
}
