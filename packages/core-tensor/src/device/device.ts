import type { Encoded } from '../encoded/encoded.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Tensor, TensorLike } from '../tensor/tensor.ts'
import type { DeviceKernels } from './kernels.ts'

/** Where tensors live and kernels run: plain TypeScript, WASM, native code, a graphics card. */
export interface Device {
  readonly name: string
  /** Host devices show `tensor.data` at once; remote ones have only `await tensor.read()`. */
  readonly host: boolean
  readonly info: Readonly<Record<string, string | number | boolean>>
  /** What this device accelerates. The rest runs the reference on a host, and is an `UnsupportedError` elsewhere. */
  readonly kernels: DeviceKernels
  /** How often each kernel fell back to its reference. */
  readonly fallbacks: ReadonlyMap<string, number>
  /** Resolves with the reason when the device is lost; pending while it lives. */
  readonly lost: Promise<Error>
  /** A tensor of zeros. */
  empty(type: DType, dims: readonly number[]): Tensor
  /** A copy of a tensor of another library or device; synchronous everywhere. */
  upload(from: TensorLike): Tensor
  /** Repacks a weight once into the layout that this device multiplies fastest; encoded integers are decoded for it. */
  pack(weight: Encoded): Encoded
  /** The inverse of {@link Device.pack}, exactly; encoded integers stay decoded. */
  unpack(weight: Encoded): Encoded
  /** Runs synchronous code and frees the tensors that it made, except those in what it returns. */
  scope<T>(run: () => T): T
  dispose(): void
}

/** A block of memory of one device. Several tensors may look into the same one. */
export interface Memory {
  readonly device: Device
  readonly byteLength: number
  /** A fresh view of host memory; never keep it across a call that can allocate. Remote memory throws a `DeviceError`. */
  bytes(): Uint8Array
  /** A copy of `length` bytes from `start`. */
  read(start: number, length: number): Promise<Uint8Array>
  /** Gives the memory back; idempotent. */
  free(): void
}
