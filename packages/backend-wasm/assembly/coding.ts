// The kernels of the coding group.

export { ransDecode } from './rans'
export { unpackBits } from './unpack-bits'
