// Encodings
export { codecKinds } from './codec-kinds.ts'
export { type RansOptions, rans, ransEncoding } from './rans.ts'

// Entropy coding
export { ransDecode } from './rans-decode.ts'
export { ransEncode, type RansEncodeOptions, type RansStream } from './rans-encode.ts'
export { symbolFrequencies } from './symbol-frequencies.ts'

// Bit fields
export { packBits } from './pack-bits.ts'
export { unpackBits } from './unpack-bits.ts'
