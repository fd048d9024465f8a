import type { Encoding } from './encoded.ts'
import { affineEncoding } from './kinds/affine.ts'
import { codebookEncoding } from './kinds/codebook.ts'
import { concatEncoding } from './kinds/concat.ts'
import { denseEncoding } from './kinds/dense.ts'
import { hadamardEncoding } from './kinds/hadamard.ts'
import { permutedEncoding } from './kinds/permuted.ts'
import { productEncoding } from './kinds/product.ts'
import { scaledEncoding } from './kinds/scaled.ts'
import { sparseEncoding } from './kinds/sparse.ts'
import { sumEncoding } from './kinds/sum.ts'

/** The kinds of this package. Files that hold others are loaded with those besides: `{ kinds: [...coreKinds, other] }`. */
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
