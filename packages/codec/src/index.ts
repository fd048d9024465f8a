// Entropy coding
export { ransDecode } from './rans-decode.ts'
export { ransEncode, type RansEncodeOptions, type RansStream } from './rans-encode.ts'
export { symbolFrequencies } from './symbol-frequencies.ts'

// Bit fields
export { packBits } from './pack-bits.ts'
export { unpackBits } from './unpack-bits.ts'
