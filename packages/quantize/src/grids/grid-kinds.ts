import {
  affineEncoding,
  codebookEncoding,
  denseEncoding,
  type Encoding,
  scaledEncoding,
} from '@tersor/core-tensor'

/** What codes on the grids of this package are stored as. */
export const gridKinds: readonly Encoding[] = /* @__PURE__ */ Object.freeze([
  affineEncoding,
  codebookEncoding,
  scaledEncoding,
  denseEncoding,
])
