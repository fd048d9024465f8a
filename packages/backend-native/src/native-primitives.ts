import { DeviceError, ShapeError, type Tensor } from '@tersor/core-tensor'
import type { PrimitiveName, Primitives } from '@tersor/core-tensor/host'
import type { Addon } from './addon.ts'

/** Scalars follow the tensors in what the addon answers. */
const FIRST_SCALAR = 100

/** The primitives of one instruction set on a number of threads. */
export class NativePrimitives implements Primitives {
  readonly #addon: Addon
  readonly #table: number
  readonly #threads: number
  /** Where each is in the compiled table. */
  readonly #indices: ReadonlyMap<string, number>

  constructor(addon: Addon, table: number, threads: number) {
    this.#addon = addon
    this.#table = table
    this.#threads = threads
    this.#indices = new Map(addon.primitives().map((name, i) => [name, i]))
  }

  run(
    name: PrimitiveName,
    outputs: readonly (Tensor | undefined)[],
    inputs: readonly (Tensor | undefined)[],
    scalars: readonly number[],
  ): void {
    const args: unknown[] = [this.#table, this.#indices.get(name), this.#threads]
    pushTensors(args, outputs)
    pushTensors(args, inputs)
    for (const scalar of scalars) args.push(scalar)
    const answer = this.#addon.run(...(args as [number, number, number]))
    if (answer !== 0) throw refusal(name, answer, outputs, inputs, scalars)
  }

  has(name: PrimitiveName): boolean {
    return this.#indices.has(name)
  }

  packedBytes(
    rows: number,
    columns: number,
    bits: number,
    group: number,
    scaleType: number,
    shiftKind: number,
  ): number {
    return this.#addon.packedBytes(rows, columns, bits, group, scaleType, shiftKind)
  }
}

function pushTensors(args: unknown[], tensors: readonly (Tensor | undefined)[]): void {
  for (const tensor of tensors) {
    if (tensor === undefined) args.push(undefined, 0)
    else args.push(tensor.memory.bytes(), tensor.byteOffset)
  }
}

function refusal(
  name: PrimitiveName,
  answer: number,
  outputs: readonly (Tensor | undefined)[],
  inputs: readonly (Tensor | undefined)[],
  scalars: readonly number[],
): Error {
  if (answer < 0) {
    return new DeviceError(
      `[native/${name}] expected memory for intermediate results, got none from the system; free tensors or use smaller ones`,
    )
  }
  if (answer >= FIRST_SCALAR) {
    const at = answer - FIRST_SCALAR
    return new ShapeError(
      `[native/${name}] expected a scalar ${at} that fits the others, got ${scalars[at]} among ${scalars.join(', ')}`,
    )
  }
  const at = answer - 1
  const outputCount = outputs.length
  const tensor = at < outputCount ? outputs[at] : inputs[at - outputCount]
  const which = at < outputCount ? `output ${at}` : `input ${at - outputCount}`
  return new ShapeError(
    `[native/${name}] expected ${which} to be as large as the sizes say, got ${tensor === undefined ? 'none' : `${tensor.byteLength} bytes`} for ${scalars.join(', ')}`,
  )
}
