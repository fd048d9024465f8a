// How many gzipped bytes an import may cost, minified, on the built packages. Methods are those that there are entries for.

import { methods } from './tooling/scripts/methods.mjs'

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
const method = (folder, names, limit = '5 kB') =>
  measure(`${names} from @tersor/${folder}, beyond core-tensor`, `${folder}/dist`, names, limit, {
    ignore: ['@tersor/core-tensor', '@tersor/core-tensor/*', '@tersor/formats', '@tersor/models'],
  })

export default [
  core('', '{ Tensor }', '2.1 kB'),
  core('', '{ linear }', '7.8 kB'),
  core('', '{ affine }', '9.8 kB'),
  core('', '{ Rng }', '1.2 kB'),
  core('/reference', '{ matmul }', '5.8 kB'),
  core('/reference', '{ attention }', '8 kB'),
  core('/linalg', '{ cholesky }', '4.8 kB'),
  core('/linalg', '{ svd }', '6.9 kB'),
  ...methods().map(({ folder, export: name }) => method(folder, `{ ${name} }`)),
  method('codec', '{ rans }', '4 kB'),
  method('codec', '{ ransEncode }'),
  method('codec', '{ ransDecode }'),
  method('codec', '{ unpackBits }'),
  method('decode', '{ generate }', '1.4 kB'),
  method('distill', '{ muon }', '2 kB'),
  method('distill', '{ forwardKl }', '2 kB'),
  {
    name: 'all of @tersor/backend-wasm, its modules and worker',
    path: 'packages/backend-wasm/dist/*.js',
    limit: '65 kB',
    brotli: true,
  },
]
