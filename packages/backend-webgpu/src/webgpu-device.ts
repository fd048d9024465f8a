import {
  asTensor,
  bytesOf,
  checkDType,
  type Device,
  DeviceError,
  type DeviceKernels,
  type DType,
  type Encoded,
  sizeOf,
  Tensor,
  type TensorLike,
} from '@tersor/core-tensor'
import { requireEncoded, requireTensorLike, Scopes } from '@tersor/core-tensor/host'
import { BufferPool } from './buffer-pool.ts'
import type { Card } from './card.ts'
import { Commands } from './commands.ts'
import { GpuMemory } from './gpu-memory.ts'
import { type Program, Programs } from './programs.ts'

/** Bits of a 32-bit index of elements of 4 bits. */
const LARGEST = 2 ** 31 - 256

export interface WebGpuDeviceParts {
  readonly gpu: GPUDevice
  readonly card: Card
  readonly info: Readonly<Record<string, string | number | boolean>>
  /** Whether `dispose` destroys the GPUDevice. */
  readonly owned: boolean
  readonly kernels: DeviceKernels
  readonly layout: WeightLayout
}

/** How the device's kernels want weights to lie. */
export interface WeightLayout {
  pack(weight: Encoded): Encoded
  unpack(weight: Encoded): Encoded
}

/** Tensors in graphics memory, and kernels in WGSL on them. Made by `createWebGpuDevice`. */
export class WebGpuDevice implements Device {
  readonly name = 'webgpu'
  readonly host = false
  readonly info: Readonly<Record<string, string | number | boolean>>
  readonly kernels: DeviceKernels
  readonly fallbacks: ReadonlyMap<string, number> = new Map()
  readonly lost: Promise<Error>
  readonly #gpu: GPUDevice
  readonly #owned: boolean
  readonly #pool: BufferPool
  readonly #commands: Commands
  readonly #programs: Programs
  readonly #dropped: FinalizationRegistry<GPUBuffer>
  readonly #layout: WeightLayout
  readonly #scopes = new Scopes()

  constructor({ gpu, card, info, owned, kernels, layout }: WebGpuDeviceParts) {
    const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits
    this.info = Object.freeze({ ...info })
    this.#gpu = gpu
    this.#owned = owned
    this.kernels = kernels
    this.#layout = layout
    this.#pool = new BufferPool(gpu, Math.min(maxBufferSize, maxStorageBufferBindingSize, LARGEST))
    this.#commands = new Commands(gpu, this.#pool)
    this.#programs = new Programs(
      gpu,
      card,
      this.#commands,
      byteLength => this.#pool.take(byteLength).buffer,
      buffer => this.#pool.give(buffer),
    )
    this.#dropped = new FinalizationRegistry(buffer => this.#pool.give(buffer))
    this.lost = gpu.lost.then(({ message, reason }) => {
      const error = new DeviceError(
        `[webgpu] this device is lost (${reason || 'unknown'}): ${message || 'no reason given'}; make a new one and upload again`,
      )
      this.#commands.fail(error)
      return error
    })
    gpu.addEventListener?.('uncapturederror', event => {
      this.#commands.fail(
        new DeviceError(`[webgpu] the graphics card refused a command: ${event.error.message}`),
      )
    })
  }

  /** Bytes of graphics memory that the device holds, and how many of them are in use. */
  get memory(): { readonly byteLength: number; readonly used: number } {
    return { byteLength: this.#pool.byteLength, used: this.#pool.used }
  }

  /** How often recorded commands went to the graphics card: once for many kernels. */
  get submissions(): number {
    return this.#commands.submissions
  }

  /** Tensors that one kernel may bind. */
  get maxOperands(): number {
    return this.#gpu.limits.maxStorageBuffersPerShaderStage
  }

  empty(type: DType, dims: readonly number[]): Tensor {
    return this.#make(type, dims, 'zeros')
  }

  /** A tensor for a kernel to write whole; what it holds before is anything. */
  make(type: DType, dims: readonly number[]): Tensor {
    return this.#make(type, dims, 'anything')
  }

  upload(from: TensorLike): Tensor {
    requireTensorLike(from, 'Device.upload')
    const source = asTensor(from)
    const { buffer, byteOffset, byteLength } = source.data
    const tensor = this.#make(source.type, source.dims, 'idle')
    const whole = byteLength - (byteLength % 4)
    const target = bufferOf(tensor)
    this.#gpu.queue.writeBuffer(target, 0, buffer, byteOffset, whole)
    if (whole < byteLength) {
      const last = new Uint8Array(4)
      last.set(new Uint8Array(buffer, byteOffset + whole, byteLength - whole))
      this.#gpu.queue.writeBuffer(target, whole, last)
    }
    return tensor
  }

  pack(weight: Encoded): Encoded {
    requireEncoded(weight, 'Device.pack')
    return this.#layout.pack(weight)
  }

  unpack(weight: Encoded): Encoded {
    requireEncoded(weight, 'Device.unpack')
    return this.#layout.unpack(weight)
  }

  /** Records one kernel. */
  run(program: Program): void {
    this.#programs.run(program)
  }

  /** Sends what was recorded to the graphics card, without waiting for it. */
  submit(): void {
    this.#commands.submit()
  }

  scope<T>(code: () => T): T {
    return this.#scopes.run(code)
  }

  dispose(): void {
    this.#commands.fail(new DeviceError('[webgpu] this device was disposed; make a new one'))
    this.#pool.clear()
    this.#commands.destroy()
    if (this.#owned) this.#gpu.destroy()
  }

  #make(type: DType, dims: readonly number[], contents: 'zeros' | 'idle' | 'anything'): Tensor {
    checkDType(type, 'Device.empty')
    this.#commands.check()
    const byteLength = bytesOf(type, sizeOf(dims, 'Device.empty'))
    const { buffer, fresh } = this.#pool.take(byteLength, contents === 'idle')
    if (contents === 'zeros' && !fresh) this.#commands.clear(buffer)
    const memory: GpuMemory = new GpuMemory(
      this,
      buffer,
      byteLength,
      () => {
        this.#dropped.unregister(memory)
        this.#pool.give(buffer)
      },
      (...range) => this.#commands.read(...range),
    )
    this.#dropped.register(memory, buffer, memory)
    this.#scopes.add(memory)
    return new Tensor(type, memory, dims, 0, true)
  }
}

/** The device of a tensor that a kernel was given. */
export function webGpuOf(x: Tensor): WebGpuDevice {
  return x.device as WebGpuDevice
}

/** The buffer that a tensor lies in. */
export function bufferOf(x: Tensor): GPUBuffer {
  return (x.memory as GpuMemory).buffer
}
