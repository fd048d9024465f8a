import { DeviceError, UnsupportedError } from '@tersor/core-tensor'
import { probeCard } from './card.ts'
import { coreKernels } from './core-kernels.ts'
import { packWeight, unpackWeight } from './packed-weight.ts'
import { WebGpuDevice } from './webgpu-device.ts'

export interface WebGpuDeviceOptions {
  /** A device of yours, which is shared and never destroyed. */
  device?: GPUDevice | undefined
  /** Where adapters come from; `navigator.gpu`, or in Node the package `webgpu`, without. */
  gpu?: GPU | undefined
  /** Which graphics card, where there are several; the fast one without. */
  powerPreference?: GPUPowerPreference | undefined
  /** Options for the package `webgpu` in Node, such as `['backend=vulkan']`. */
  dawn?: readonly string[] | undefined
}

/** Limits that are asked for in full: what weights and tiles are bounded by. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBuffersPerShaderStage',
] as const

/** What every kernel needs; cards of WebGPU's compatibility mode may have less. */
const NEEDED = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
} as const

/** Features that are asked for where there are any. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups']

/**
 * The device of graphics cards. Tensors are read with `await tensor.read()`; kernels are recorded, and
 * run together when something is read.
 *
 * @throws {UnsupportedError} where there is no WebGPU, or no graphics card that it may use, or one with too low limits
 * @throws {DeviceError} where the given device is lost, or the card gives none
 *
 * ```ts no-run
 * const device = await createWebGpuDevice()
 * const x = device.upload(new Tensor('float32', [1, 2, 3, 4], [2, 2]))
 * await matmul(x, x).read() // => Float32Array [7, 10, 15, 22]
 * ```
 */
export async function createWebGpuDevice(options: WebGpuDeviceOptions = {}): Promise<WebGpuDevice> {
  const { device } = options
  if (device !== undefined) {
    const gone = await Promise.race([device.lost, undefined])
    if (gone !== undefined)
      throw new DeviceError(`[webgpu] expected a device that lives, got one that is lost: ${gone.message}`)
    return wrap(device, device.adapterInfo, false)
  }
  const gpu = options.gpu ?? (await gpuHere(options.dawn ?? []))
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' })
  if (adapter === null) {
    throw new UnsupportedError(
      '[webgpu] expected a graphics card that WebGPU may use, got none; install its Vulkan, Metal or Direct3D 12 driver, ' +
        'or use @tersor/backend-wasm or @tersor/backend-native',
    )
  }
  return wrap(await requestDevice(adapter), adapter.info, true)
}

async function wrap(
  gpu: GPUDevice,
  adapter: GPUAdapterInfo | undefined,
  owned: boolean,
): Promise<WebGpuDevice> {
  checkLimits(gpu.limits)
  const card = await probeCard(gpu)
  const { vendor = '', architecture = '', description = '' } = adapter ?? {}
  const { maxBufferSize, maxStorageBufferBindingSize } = gpu.limits
  const maxTensorBytes = Math.min(maxBufferSize, maxStorageBufferBindingSize)
  return new WebGpuDevice({
    gpu,
    card,
    info: { vendor, architecture, description, ...card, maxTensorBytes },
    owned,
    kernels: coreKernels,
    layout: { pack: packWeight, unpack: unpackWeight },
  })
}

function checkLimits(limits: GPUSupportedLimits): void {
  for (const [name, needed] of Object.entries(NEEDED)) {
    const has = limits[name as keyof typeof NEEDED]
    if (!(has >= needed)) {
      throw new UnsupportedError(
        `[webgpu] expected a graphics card with ${name} of at least ${needed}, got ${has}; ` +
          'use @tersor/backend-wasm or @tersor/backend-native, or another card',
      )
    }
  }
}

async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  checkLimits(adapter.limits)
  const requiredLimits = Object.fromEntries(LIMITS.map(name => [name, adapter.limits[name]]))
  const requiredFeatures = FEATURES.filter(name => adapter.features.has(name))
  try {
    return await adapter.requestDevice({ requiredLimits, requiredFeatures })
  } catch (error) {
    throw new DeviceError(`[webgpu] expected a device of the graphics card, got: ${(error as Error).message}`)
  }
}

/** The entry of Node's package must outlive every device that came from it: without it the process aborts. */
let dawnGpu: GPU | undefined

async function gpuHere(options: readonly string[]): Promise<GPU> {
  const here = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (here !== undefined) return here
  if (dawnGpu !== undefined) return dawnGpu
  // A name that bundlers do not follow: browsers need no such package.
  const name = 'webgpu'
  let dawn: { create(options: readonly string[]): GPU }
  try {
    dawn = await import(/* @vite-ignore */ /* webpackIgnore: true */ name)
  } catch (error) {
    throw new UnsupportedError(
      '[webgpu] expected navigator.gpu, or in Node the package `webgpu`, got neither ' +
        `(${(error as Error).message}); run \`npm install webgpu\`, or use @tersor/backend-wasm or @tersor/backend-native`,
    )
  }
  dawnGpu = dawn.create(options)
  return dawnGpu
}
