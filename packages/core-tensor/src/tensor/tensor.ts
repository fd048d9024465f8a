import type { Device, Memory } from '../device/device.ts'
import { HostMemory } from '../device/host-memory.ts'
import { referenceDevice } from '../device/reference-device.ts'
import { DeviceError, DTypeError, ShapeError } from '../errors.ts'
import { isWhole, sizeOf } from './dims.ts'
import {
  bytesOf,
  checkDType,
  type DType,
  dtypeBits,
  type HostArray,
  hostArrayOf,
  hostView,
  isFloat,
  viewBytes,
} from './dtype.ts'
import { isTensor } from './is-tensor.ts'
import { requireTensorLike } from './tensor-like.ts'

/** What tensors of onnxruntime-common and Transformers.js are; every public method accepts it. */
export interface TensorLike {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: ArrayBufferView
}

/**
 * A typed n-dimensional array on a device: contiguous, row-major, of fixed shape.
 *
 * @example
 * const x = new Tensor('float32', [1, 2, 3, 4, 5, 6], [2, 3])
 * x.rows(1, 2).data // => Float32Array [4, 5, 6]
 */
export class Tensor implements TensorLike {
  readonly type: DType
  readonly dims: readonly number[]
  /** Elements. */
  readonly size: number
  readonly byteLength: number
  /** Where the elements are; for devices and their kernels. */
  readonly memory: Memory
  readonly byteOffset: number
  readonly #owned: boolean

  /**
   * Wraps host data without a copy; plain numbers are copied into the dtype's array.
   *
   * @param data  the elements in row-major order; 16- and 8-bit floats as their bits, 4-bit integers packed
   * @throws {ShapeError} when the number of elements is not what `dims` says
   * @throws {DTypeError} when a plain number does not fit an integer dtype, or the dtype is packed
   */
  constructor(type: DType, data: ArrayBufferView | readonly number[], dims: readonly number[])
  /** @internal a view of a device's memory */
  constructor(type: DType, memory: Memory, dims: readonly number[], byteOffset: number, owned: boolean)
  constructor(
    type: DType,
    from: ArrayBufferView | readonly number[] | Memory,
    dims: readonly number[],
    byteOffset = 0,
    owned = true,
  ) {
    checkDType(type, 'Tensor')
    this.type = type
    this.size = sizeOf(dims, 'Tensor')
    this.dims = Object.isFrozen(dims) ? dims : Object.freeze([...dims])
    this.byteLength = bytesOf(type, this.size)
    this.memory = (from as Memory | undefined)?.bytes
      ? (from as Memory)
      : new HostMemory(hostBytes(type, from as ArrayBufferView, this.byteLength, dims), reference)
    this.byteOffset = byteOffset
    this.#owned = owned
  }

  get device(): Device {
    return this.memory.device
  }

  /** The elements: a fresh view on host devices, a {@link DeviceError} elsewhere. */
  get data(): HostArray {
    const bytes = this.memory.bytes()
    const HostArray = hostArrayOf(this.type)
    return new HostArray(
      bytes.buffer,
      bytes.byteOffset + this.byteOffset,
      this.byteLength / HostArray.BYTES_PER_ELEMENT,
    )
  }

  /** A copy of the elements, from every device, into `out` if given. */
  async read(out?: HostArray): Promise<HostArray> {
    const bytes = await this.memory.read(this.byteOffset, this.byteLength)
    if (out === undefined) return hostView(this.type, bytes)
    if (out.byteLength !== this.byteLength) {
      throw new ShapeError(`[Tensor.read] expected room for ${this.byteLength} bytes, got ${out.byteLength}`)
    }
    viewBytes(out).set(bytes)
    return out
  }

  /** The same elements under other dimensions, without a copy; disposing of either disposes of both. */
  reshape(dims: readonly number[]): Tensor {
    if (sizeOf(dims, 'Tensor.reshape') !== this.size) {
      throw new ShapeError(
        `[Tensor.reshape] expected ${this.size} elements as in [${this.dims}], got [${dims}]`,
      )
    }
    return new Tensor(this.type, this.memory, dims, this.byteOffset, this.#owned)
  }

  /** Entries `start` to `end` (exclusive) of the first axis, without a copy. */
  rows(start: number, end: number): Tensor {
    const [count = 0, ...rest] = this.dims
    if (!isWhole(end, count) || !isWhole(start, end)) {
      throw new ShapeError(`[Tensor.rows] expected 0 ≤ start ≤ end ≤ ${count}, got ${start} to ${end}`)
    }
    const bitOffset = start * sizeOf(rest) * dtypeBits[this.type]
    if (bitOffset % 8 !== 0) {
      throw new ShapeError(`[Tensor.rows] row ${start} of ${this.type} [${this.dims}] starts inside a byte`)
    }
    return new Tensor(this.type, this.memory, [end - start, ...rest], this.byteOffset + bitOffset / 8, false)
  }

  /** This tensor on a device: itself where it is there already, else a copy. */
  async to(device: Device): Promise<Tensor> {
    if (device === this.device) return this
    return device.upload({ type: this.type, dims: this.dims, data: await this.read() })
  }

  /** Frees the memory unless this is a view; idempotent. */
  dispose(): void {
    if (this.#owned) this.memory.free()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * The device of plain TypeScript: ordinary JavaScript memory and the reference kernels, which
 * specify what every other device computes. It is always there and never lost, and accelerates
 * nothing, so its kernel table is empty. Tensors of plain numbers and arrays lie on it.
 */
export const reference: Device = /* @__PURE__ */ referenceDevice(
  (like: TensorLike | undefined) =>
    new Tensor(like?.type as DType, like?.data as ArrayBufferView, like?.dims as number[]),
)

/** A tensor as it is, or another library's tensor on `device`, which shares host memory with it where it can. */
export function asTensor(from: TensorLike, device: Device = reference): Tensor {
  if (isTensor(from)) return from
  requireTensorLike(from, 'Tensor')
  return device === reference ? new Tensor(from.type as DType, from.data, from.dims) : device.upload(from)
}

/** Throws unless a tensor is on a host device, where compressors can read it. */
export function requireHost(tensor: Tensor, where: string): void {
  if (!tensor.device.host) {
    throw new DeviceError(
      `[${where}] expected a tensor on a host device, got one on ${tensor.device.name}; use \`await tensor.to(host)\``,
    )
  }
}

function hostBytes(
  type: DType,
  from: ArrayBufferView | readonly number[],
  byteLength: number,
  dims: readonly number[],
): Uint8Array {
  if (!Array.isArray(from)) {
    const held = ArrayBuffer.isView(from) ? from.byteLength : String(from)
    if (held !== byteLength)
      throw new ShapeError(`[Tensor] expected ${byteLength} bytes for ${type} [${dims}], got ${held}`)
    return viewBytes(hostView(type, from as ArrayBufferView))
  }
  const HostArray = hostArrayOf(type)
  const float = isFloat(type)
  const packed = dtypeBits[type] < (float ? 32 : 8)
  const values = new HostArray(from.length)
  for (let i = 0; i < from.length; i++) {
    const value = from[i]
    const fits = float ? typeof value === 'number' : Number.isSafeInteger(value)
    if (fits) values[i] = type === 'int64' ? BigInt(value) : value
    if (packed || !fits || (!float && Number(values[i]) !== value)) {
      throw new DTypeError(
        `[Tensor] expected ${packed ? 'packed bits' : 'numbers'} for ${type}, got ${value}; make a float32 tensor and cast it`,
      )
    }
  }
  return hostBytes(type, values, byteLength, dims)
}
