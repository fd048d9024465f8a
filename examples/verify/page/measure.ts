import { type Device, toFloat32 } from '@tersor/core-tensor'
import { agreement } from '@tersor/eval'
import type { KernelRun } from './kernel-runs.ts'

/** What one device made of one kernel. */
export interface Measured {
  readonly values: Float32Array
  readonly milliseconds: number
}

/** Runs a kernel until there is something to time, and reads its result. */
export async function measure(run: KernelRun, device: Device): Promise<Measured> {
  const kernel = await run.prepare(device)
  const result = kernel()
  const values = toFloat32({ type: result.type, dims: result.dims, data: await result.read() }).slice()
  const times: number[] = []
  const end = performance.now() + 60
  while (times.length < 3 || (times.length < 50 && performance.now() < end)) {
    const start = performance.now()
    const again = kernel()
    // A remote device computes when something is read.
    if (!device.host) await again.read()
    times.push(performance.now() - start)
    again.dispose()
  }
  times.sort((a, b) => a - b)
  return { values, milliseconds: times[times.length >> 1]! }
}

/** How far values are from the reference: the largest error against the root mean square, and the bounds of `verify`. */
export function compare(expected: Float32Array, actual: Float32Array): { error: number; diverges: boolean } {
  const { cosine, maxUlp } = agreement(expected, actual)
  const scale = Math.sqrt(expected.reduce((sum, x) => sum + x * x, 0) / expected.length) || 1
  const error = expected.reduce((most, x, i) => Math.max(most, Math.abs(x - actual[i]!)), 0) / scale
  return { error, diverges: !(cosine >= 0.99999 && maxUlp <= 2 ** 14) }
}
