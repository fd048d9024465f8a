export { createWasmDevice, type WasmDeviceOptions } from './create-wasm-device.ts'
export type { WasmDevice } from './wasm-device.ts'
export { coding } from './coding-group.ts'
export type { KernelGroup } from './kernel-group.ts'
