import type { Encoding } from '@tersor/core-tensor'
import { ransEncoding } from './rans.ts'

/**
 * The kinds of this package, for loading files:
 * `loadEncoded(file, name, { kinds: [...coreKinds, ...codecKinds] })`.
 */
export const codecKinds: readonly Encoding[] = [ransEncoding]
