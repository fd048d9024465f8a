// How many gzipped bytes an import may cost, minified, on the built packages. A new method adds one line.

const measure = (name, path, names, limit, extra = {}) => ({
  name,
  path: `packages/${path}/index.js`,
  import: names,
  limit,
  gzip: true,
  brotli: false,
  ...extra,
})

/** An entry of core-tensor. */
const core = (entry, names, limit) =>
  measure(`${names} from @tersor/core-tensor${entry}`, `core-tensor/dist${entry}`, names, limit)

/** A method beyond what core-tensor brings. */
const method = (folder, names, limit = '3 kB') =>
  measure(`${names} from @tersor/${folder}, beyond core-tensor`, `${folder}/dist`, names, limit, {
    ignore: ['@tersor/core-tensor', '@tersor/core-tensor/*'],
  })

export default [
  core('', '{ Tensor }', '4 kB'),
  // Aim: 14 kB. Ten kinds, their checks of hostile files, Rng and the conversions of 16 dtypes take 0.7 kB more.
  core('', '*', '14.75 kB'),
  core('/reference', '*', '12 kB'),
  // Aim: 8 kB. Its own code is 5.5 kB; Tensor, the reference device and gemm, which it stands on, are 3.6 kB.
  core('/linalg', '*', '9.2 kB'),
  method('quantize', '{ quantizeAffine }'),
  method('quantize', '{ nf4 }'),
  method('quantize', '{ float8 }'),
  method('quantize', '{ gptq }'),
  method('quantize', '{ quantEase }'),
]
