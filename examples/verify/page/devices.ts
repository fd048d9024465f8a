import { coding, createWasmDevice } from '@tersor/backend-wasm'
import { createWebGpuDevice } from '@tersor/backend-webgpu'
import { type Device, reference } from '@tersor/core-tensor'

/** A device of this browser, or why it has none. */
export interface Candidate {
  readonly name: string
  readonly device?: Device | undefined
  /** What it runs on, or what is missing. */
  readonly about: string
}

/** Every device, the reference first. */
export async function candidates(): Promise<Candidate[]> {
  const all: Candidate[] = [{ name: 'reference', device: reference, about: 'plain TypeScript' }]
  all.push(await wasm('wasm', 1))
  all.push(await wasm('wasm, threads', Math.max(2, Math.min(4, navigator.hardwareConcurrency))))
  all.push(
    await attempt('webgpu', async () => {
      const device = await createWebGpuDevice()
      const { vendor, architecture, description } = device.info
      return [device, [description, vendor, architecture].filter(Boolean).join(', ')]
    }),
  )
  return all
}

function wasm(name: string, threads: number): Promise<Candidate> {
  return attempt(name, async () => {
    const device = await createWasmDevice({ threads, groups: [coding] })
    await device.startThreads()
    const { simd, threads: count, threadsReason } = device.info
    if (threads > 1 && count === 1) throw new Error(String(threadsReason))
    return [
      device,
      `${simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD'}, ${count} thread${count === 1 ? '' : 's'}`,
    ]
  })
}

async function attempt(name: string, make: () => Promise<[Device, string]>): Promise<Candidate> {
  try {
    const [device, about] = await make()
    return { name, device, about }
  } catch (error) {
    return { name, about: (error as Error).message }
  }
}

/** What the browser says about itself: adapters, features, limits of this page. */
export async function facts(): Promise<[name: string, value: string][]> {
  const list: [string, string][] = [
    ['processors', `${navigator.hardwareConcurrency}`],
    ['cross-origin isolated', crossOriginIsolated ? 'yes: memory can be shared' : 'no: one thread'],
  ]
  const gpu = (navigator as { gpu?: { requestAdapter(options: object): Promise<Adapter | null> } }).gpu
  if (gpu === undefined) return [...list, ['WebGPU', 'not in this browser']]
  const found = new Map<string, Adapter>()
  for (const powerPreference of ['high-performance', 'low-power']) {
    const adapter = await gpu.requestAdapter({ powerPreference })
    if (adapter !== null) found.set(describe(adapter), adapter)
  }
  if (found.size === 0) list.push(['WebGPU', 'no adapter'])
  for (const [name, { features }] of found) {
    const useful = ['shader-f16', 'subgroups', 'timestamp-query'].filter(feature => features.has(feature))
    list.push(['adapter', name], ['its features', useful.join(', ') || 'none that matter here'])
  }
  return list
}

interface Adapter {
  info: { vendor: string; architecture: string; description: string }
  features: ReadonlySet<string>
}

function describe({ info: { vendor, architecture, description } }: Adapter): string {
  return [description, vendor, architecture].filter(text => text !== '').join(', ')
}
