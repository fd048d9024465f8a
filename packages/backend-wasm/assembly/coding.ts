// The kernels of the coding group.

export { ransDecode } from './coding/rans'
export { unpackBits } from './coding/unpack-bits'
