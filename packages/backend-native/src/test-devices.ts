import { type DType, Rng, Tensor } from '@tersor/core-tensor'
import type { HostDevice, PrimitiveName, PrimitiveSignatures } from '@tersor/core-tensor/host'
import { describe, expect } from 'vitest'
import { makeNativeDevice, type NativeIsa, nativeAvailable, nativeIsas } from './native-device.ts'

/** A device of each instruction set that this processor has, and threads on the best. */
export function eachNativeDevice(declare: (device: TestDevice) => void): void {
  describe.skipIf(!nativeAvailable())('native (skipped where it is not built: pnpm build:native)', () => {
    if (!nativeAvailable()) return
    const isas = nativeIsas()
    const kinds: [NativeIsa, number][] = [
      ...isas.map((isa): [NativeIsa, number] => [isa, 1]),
      [isas[0]!, 2],
      [isas[0]!, 3],
    ]
    for (const [isa, threads] of kinds) {
      describe(`${isa}, ${threads} thread${threads > 1 ? 's' : ''}`, () =>
        declare(new TestDevice({ isa, threads })))
    }
  })
}

/** A device with short words for running single primitives. */
export class TestDevice {
  readonly device: HostDevice

  constructor(options: { isa?: NativeIsa | undefined; threads?: number | undefined }) {
    this.device = makeNativeDevice(options)
  }

  floats(values: ArrayLike<number>): Tensor {
    return this.upload('float32', values)
  }

  upload(type: DType, values: ArrayLike<number>): Tensor {
    return this.device.upload(new Tensor(type, Array.from(values), [values.length]))
  }

  bytes(values: Uint8Array, type: DType = 'uint8', size = values.length): Tensor {
    return this.device.upload(new Tensor(type, values, [size]))
  }

  run(
    name: PrimitiveName,
    outputs: readonly (Tensor | undefined)[],
    inputs: readonly (Tensor | undefined)[],
    scalars: readonly number[],
  ): void {
    const { primitives } = this.device
    // Tests also give what no signature allows.
    primitives.run(name, ...([outputs, inputs, scalars] as unknown as PrimitiveSignatures[typeof name]))
  }

  /** Runs a primitive with one float32 output of `size`, and returns it. */
  floatsFrom(
    name: PrimitiveName,
    size: number,
    inputs: readonly (Tensor | undefined)[],
    scalars: readonly number[],
  ): Float32Array {
    const y = this.device.empty('float32', [size])
    this.run(name, [y], inputs, scalars)
    return y.data as Float32Array
  }
}

/** Fails unless all numbers are the same, NaN and the sign of zero included; quick where there are many. */
export function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < actual.length; i++) {
    if (!Object.is(actual[i], expected[i]))
      expect.fail(`expected element ${i} to be ${expected[i]}, got ${actual[i]}`)
  }
}

export function normals(seed: number, size: number): Float32Array {
  const rng = new Rng(seed)
  return Float32Array.from({ length: size }, () => rng.normal())
}

/** Lengths that are nothing, less than a vector, around vectors and blocks. */
export const LENGTHS: readonly number[] = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 257, 1000]
