import type { Encoding } from '../encoded.ts'
import { affineEncoding } from './affine.ts'
import { codebookEncoding } from './codebook.ts'
import { concatEncoding } from './concat.ts'
import { denseEncoding } from './dense.ts'
import { hadamardEncoding } from './hadamard.ts'
import { permutedEncoding } from './permuted.ts'
import { productEncoding } from './product.ts'
import { scaledEncoding } from './scaled.ts'
import { sparseEncoding } from './sparse.ts'
import { sumEncoding } from './sum.ts'

/** The kinds of this package, for loading files: `loadEncoded(file, name, { kinds: coreKinds })`. */
export const coreKinds: readonly Encoding[] = [
  denseEncoding,
  affineEncoding,
  codebookEncoding,
  sparseEncoding,
  hadamardEncoding,
  sumEncoding,
  productEncoding,
  concatEncoding,
  scaledEncoding,
  permutedEncoding,
]
