import { DeviceError, UnsupportedError } from '@tersor/core-tensor'
import type { Activations } from '@tersor/core-tensor/host'
import { nodeModule } from '@tersor/core-tensor/host'
import { core } from './core-group.ts'
import { hasRelaxedSimd, hasSimd, parallelism, whyNotShared } from './features.ts'
import { bytesOfBase64, type KernelGroup } from './kernel-group.ts'
import { withSharedMemory } from './memory-import.ts'
import { WasmDevice } from './wasm-device.ts'

/** One page less than 4 GiB. */
const MOST_ARENA_BYTES = 65535 * 65536
const MOST_THREADS_BY_DEFAULT = 4

export interface WasmDeviceOptions {
  /** Threads that share the work, the calling one included; by default as many as run at once, up to 4. */
  threads?: number | undefined
  /** Kernels beyond the core ones, such as `coding`. */
  groups?: readonly KernelGroup[] | undefined
  /** Instead of what the engine offers: `simd` has the same bits everywhere also in tolerant kernels. */
  simd?: 'simd' | 'relaxed' | undefined
  /** The core module from elsewhere, in place of the bytes that this package carries; a compiled one runs on one thread. */
  wasm?: WebAssembly.Module | BufferSource | URL | Response | undefined
  /**
   * How far products with packed weights may round activations: `exact` keeps 14 bits or more, `int8` rounds
   * them to 8 bits where that is faster, which it is with relaxed SIMD and codes of up to 4 bits; `float32` rounds
   * nothing, is slower by far, and is for comparing with other implementations.
   */
  activations?: Activations | undefined
  /** The most bytes that the device may take. */
  maxBytes?: number | undefined
  /** The most bytes of one memory, and so of one tensor; at most 4 GiB. */
  arenaBytes?: number | undefined
  /** Memory moves at every allocation (unless threads share it), and what is freed is overwritten: finds views that were kept. */
  debug?: boolean | undefined
}

/**
 * A device whose tensors live in WebAssembly memory and whose kernels are vectorised; the fastest
 * that runs everywhere. Kernels that it lacks run as their reference on the same memory.
 *
 * @throws {UnsupportedError} when the engine lacks vectors, or what an option asks for
 * @throws {DeviceError} when it gives no memory
 * @example
 * const device = await createWasmDevice({ threads: 1 })
 * const x = device.upload(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
 * linear(x, x).data // => Float32Array [5, 11, 11, 25]
 */
export async function createWasmDevice(options: WasmDeviceOptions = {}): Promise<WasmDevice> {
  const { groups = [], wasm, maxBytes = Infinity, debug = false, activations = 'exact' } = options
  const { arenaBytes = MOST_ARENA_BYTES } = options
  requirePositive('maxBytes', maxBytes)
  requirePositive('arenaBytes', arenaBytes)
  if (!hasSimd()) {
    throw new UnsupportedError(
      '[createWasmDevice] expected an engine with WebAssembly SIMD, got one without; use the reference device',
    )
  }
  const relaxed = hasRelaxedSimd()
  if (options.simd === 'relaxed' && !relaxed) {
    throw new UnsupportedError(
      '[createWasmDevice] expected an engine with relaxed SIMD, got one without; leave `simd` away',
    )
  }
  const variant = options.simd ?? (relaxed ? 'relaxed' : 'simd')
  const [threads, reason] = threadsOf(options)
  const shared = threads > 1
  const bytes = (group: KernelGroup) =>
    bytesOfBase64(variant === 'relaxed' ? (group.relaxed ?? group.simd) : group.simd)
  const compiled = (source: Uint8Array) =>
    new WebAssembly.Module(withSharedMemory(source, shared) as Uint8Array<ArrayBuffer>)
  const given = wasm === undefined ? bytes(core) : await sourceOf(wasm)
  const modules = [
    given instanceof Uint8Array ? compiled(given) : given,
    ...groups.map(group => compiled(bytes(group))),
  ]
  const info = { threads, simd: wasm === undefined ? variant : 'given' }
  return new WasmDevice({
    ...{ modules, threads, shared, maxBytes, debug, activations },
    arenaBytes: Math.min(arenaBytes, MOST_ARENA_BYTES),
    info: reason === undefined ? info : { ...info, threadsReason: reason },
  })
}

/** How many threads, and why no more. */
function threadsOf({ threads, wasm }: WasmDeviceOptions): [threads: number, reason?: string] {
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1 || threads > 64)) {
    throw new DeviceError(`[createWasmDevice] expected 1 to 64 threads, got ${threads}`)
  }
  const wanted = threads ?? Math.min(parallelism(), MOST_THREADS_BY_DEFAULT)
  if (wanted === 1) return [1]
  const reason =
    wasm instanceof WebAssembly.Module ? 'a compiled module has a memory of one thread' : whyNotShared()
  return reason === undefined ? [wanted] : [1, reason]
}

async function sourceOf(
  wasm: WebAssembly.Module | BufferSource | URL | Response,
): Promise<Uint8Array | WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm
  if (ArrayBuffer.isView(wasm)) return new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.byteLength)
  if (wasm instanceof Response) return bytesOfResponse(wasm)
  if (wasm instanceof URL) return bytesOfUrl(wasm)
  return new Uint8Array(wasm)
}

async function bytesOfUrl(url: URL): Promise<Uint8Array> {
  if (url.protocol !== 'file:') return bytesOfResponse(await fetch(url))
  // Node's fetch does not read files.
  return new Uint8Array(
    await nodeModule<typeof import('node:fs/promises')>('node:fs/promises')!.readFile(url),
  )
}

async function bytesOfResponse(response: Response): Promise<Uint8Array> {
  if (!response.ok) {
    throw new DeviceError(
      `[createWasmDevice] expected the module at ${response.url}, got status ${response.status}`,
    )
  }
  return new Uint8Array(await response.arrayBuffer())
}

function requirePositive(name: string, value: number): void {
  if (!(value > 0)) throw new DeviceError(`[createWasmDevice] expected a positive ${name}, got ${value}`)
}
