export { createWebGpuDevice, type WebGpuDeviceOptions } from './create-webgpu-device.ts'
export type { WebGpuDevice } from './webgpu-device.ts'
