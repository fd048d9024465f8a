export {
  createNativeDevice,
  type NativeDeviceOptions,
  type NativeIsa,
  nativeAvailable,
  nativeIsas,
} from './native-device.ts'
export { type NativeLimits, nativeLimits } from './native-limits.ts'
