import { DeviceError } from '@tersor/core-tensor'
import type { BufferPool } from './buffer-pool.ts'

/** Bytes of parameters for one dispatch: what the offsets of uniform buffers are aligned to everywhere. */
export const PARAMETER_BYTES = 256
/** Dispatches that are recorded before they are submitted: the card starts while later ones are recorded. */
const BATCH = 160
/** Groups along one dimension; WebGPU promises no more. */
const GROUPS_PER_DIMENSION = 65535

/** GPUBufferUsage, GPUMapMode */
const COPY_DST = 0x8
const UNIFORM = 0x40
const READ = 0x1

/**
 * Commands on their way to the graphics card: recorded in order, submitted together when something is
 * read or when there are enough.
 */
export class Commands {
  readonly #gpu: GPUDevice
  readonly #pool: BufferPool
  /** The parameters of the dispatches of a batch, side by side; written in the queue just before them. */
  readonly #uniforms: GPUBuffer
  readonly #parameters = new Uint32Array((BATCH * PARAMETER_BYTES) / 4)
  #encoder: GPUCommandEncoder | undefined
  #pass: GPUComputePassEncoder | undefined
  #dispatches = 0
  #submissions = 0
  #failure: Error | undefined

  constructor(gpu: GPUDevice, pool: BufferPool) {
    this.#gpu = gpu
    this.#pool = pool
    this.#uniforms = gpu.createBuffer({ size: BATCH * PARAMETER_BYTES, usage: UNIFORM | COPY_DST })
  }

  /** How often commands were submitted. */
  get submissions(): number {
    return this.#submissions
  }

  /** Bound by every bind group, with the offset of the dispatch. */
  get uniforms(): GPUBufferBinding {
    return { buffer: this.#uniforms, size: PARAMETER_BYTES }
  }

  /** Every command from now on is refused with this. */
  fail(reason: Error): void {
    this.#failure ??= reason
  }

  /** Throws what went wrong before, if anything did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  dispatch(
    pipeline: GPUComputePipeline,
    bindings: GPUBindGroup,
    parameters: Uint32Array,
    groups: number,
  ): void {
    this.check()
    const at = this.#dispatches * PARAMETER_BYTES
    this.#parameters.set(parameters, at / 4)
    this.#pass ??= this.#encode().beginComputePass()
    this.#pass.setPipeline(pipeline)
    this.#pass.setBindGroup(0, bindings, [at])
    const x = Math.min(groups, GROUPS_PER_DIMENSION)
    this.#pass.dispatchWorkgroups(x, Math.ceil(groups / x))
    if (++this.#dispatches === BATCH) this.submit()
  }

  /** Copies whole words; source and target are different buffers. */
  copy(from: GPUBuffer, start: number, to: GPUBuffer, at: number, byteLength: number): void {
    this.check()
    this.#encodeOutside().copyBufferToBuffer(from, start, to, at, byteLength)
  }

  clear(buffer: GPUBuffer): void {
    this.check()
    this.#encodeOutside().clearBuffer(buffer)
  }

  submit(): void {
    if (this.#encoder === undefined) return
    this.#pass?.end()
    if (this.#dispatches > 0) {
      this.#gpu.queue.writeBuffer(
        this.#uniforms,
        0,
        this.#parameters,
        0,
        (this.#dispatches * PARAMETER_BYTES) / 4,
      )
    }
    this.#gpu.queue.submit([this.#encoder.finish()])
    this.#encoder = undefined
    this.#pass = undefined
    this.#dispatches = 0
    this.#submissions++
    this.#pool.submitted()
  }

  /** What a buffer holds after all commands so far. */
  async read(buffer: GPUBuffer, start: number, length: number): Promise<Uint8Array> {
    this.check()
    if (length === 0) return new Uint8Array(0)
    const first = start - (start % 4)
    const byteLength = Math.ceil((start + length - first) / 4) * 4
    const staging = this.#pool.takeStaging(byteLength)
    this.copy(buffer, first, staging, 0, byteLength)
    this.submit()
    try {
      await staging.mapAsync(READ, 0, byteLength)
    } catch (error) {
      this.check()
      throw new DeviceError(`[webgpu] expected to read ${length} bytes, got: ${(error as Error).message}`)
    }
    const bytes = new Uint8Array(staging.getMappedRange(0, byteLength)).slice(
      start - first,
      start - first + length,
    )
    staging.unmap()
    this.#pool.giveStaging(staging)
    this.check()
    return bytes
  }

  destroy(): void {
    this.#uniforms.destroy()
  }

  #encode(): GPUCommandEncoder {
    this.#encoder ??= this.#gpu.createCommandEncoder()
    return this.#encoder
  }

  #encodeOutside(): GPUCommandEncoder {
    this.#pass?.end()
    this.#pass = undefined
    return this.#encode()
  }
}
