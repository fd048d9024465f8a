import type { Device, Memory } from '../device/device.ts'
import { Scopes } from '../device/scope.ts'
import { type Encoded, type Encoding, requireEncoded } from '../encoded/encoded.ts'
import { sizeOf } from '../tensor/dims.ts'
import { bytesOf, checkDType, type DType } from '../tensor/dtype.ts'
import { asTensor, Tensor, type TensorLike } from '../tensor/tensor.ts'
import { requireTensorLike } from '../tensor/tensor-like.ts'
import { acceleratedKernels } from './accelerated-kernels.ts'
import { type Activations, packedKind, packWeight, unpackWeight } from './kernels/packed.ts'
import type { Primitives } from './primitives.ts'

/**
 * What compiled host devices share: tensors in the device's own memory, scopes, packed weights, and
 * the kernel table over {@link Primitives}. A backend adds how memory is allocated and what the
 * primitives are.
 */
export abstract class HostDevice implements Device {
  readonly name: string
  readonly host = true
  readonly info: Readonly<Record<string, string | number | boolean>>
  readonly kernels: Device['kernels']
  readonly fallbacks: ReadonlyMap<string, number> = new Map()
  readonly lost: Promise<Error>
  readonly primitives: Primitives
  readonly #packed: Encoding
  #lose!: (reason: Error) => void
  readonly #scopes = new Scopes()

  /** @param activations  how far products with packed weights may round activations; `exact` by default */
  constructor(
    name: string,
    info: Readonly<Record<string, string | number | boolean>>,
    primitives: Primitives,
    activations: Activations = 'exact',
  ) {
    this.name = name
    this.info = Object.freeze({ ...info })
    this.primitives = primitives
    this.#packed = packedKind(primitives, activations)
    this.kernels = acceleratedKernels(primitives)
    this.lost = new Promise(resolve => {
      this.#lose = resolve
    })
  }

  /**
   * A block, aligned to 16 bytes at least; `memory.device` is this device.
   *
   * @param zeros  or whatever was there
   */
  protected abstract allocate(byteLength: number, zeros: boolean): Memory

  abstract dispose(): void

  /** Settles {@link Device.lost}. */
  protected lose(reason: Error): void {
    this.#lose(reason)
  }

  empty(type: DType, dims: readonly number[]): Tensor {
    return this.#make(type, dims, true)
  }

  /** As `empty`, but with whatever was there before: for what is written whole. */
  room(type: DType, dims: readonly number[]): Tensor {
    return this.#make(type, dims, false)
  }

  #make(type: DType, dims: readonly number[], zeros: boolean): Tensor {
    checkDType(type, 'Device.empty')
    const memory = this.allocate(bytesOf(type, sizeOf(dims, 'Device.empty')), zeros)
    this.#scopes.add(memory)
    return new Tensor(type, memory, dims, 0, true)
  }

  upload(from: TensorLike): Tensor {
    requireTensorLike(from, 'Device.upload')
    const source = asTensor(from)
    const tensor = this.room(source.type, source.dims)
    // Allocated first: the source may be a view of this device's own memory, which allocation can move.
    const { buffer, byteOffset, byteLength } = source.data
    tensor.memory.bytes().set(new Uint8Array(buffer, byteOffset, byteLength))
    return tensor
  }

  pack(weight: Encoded): Encoded {
    requireEncoded(weight, 'Device.pack')
    return packWeight(weight, this.#packed, this.primitives)
  }

  unpack(weight: Encoded): Encoded {
    requireEncoded(weight, 'Device.unpack')
    return unpackWeight(weight, this.#packed, this.primitives)
  }

  scope<T>(code: () => T): T {
    return this.#scopes.run(code)
  }
}
