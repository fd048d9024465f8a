/**
 * Times of the decompositions on the reference device, and how many times faster they are than
 * ml-matrix on the same matrix. Run with `npx tsx --conditions=@tersor/source bench/linalg.bench.ts [sizes]`.
 */

import { Rng, Tensor } from '@tersor/core-tensor'
import { cholesky, inverseCholesky, qr, svd, symmetricEigen } from '@tersor/core-tensor/linalg'
import { gram } from '@tersor/core-tensor/reference'
import * as ml from 'ml-matrix'

interface Subject {
  name: string
  /** Operations of the algorithm, as multiples of n³. */
  operations: number
  ours: (a: Tensor) => unknown
  theirs: (a: ml.Matrix) => unknown
  definite?: boolean
}

const subjects: Subject[] = [
  {
    name: 'cholesky',
    operations: 1 / 3,
    ours: a => cholesky(a),
    theirs: a => new ml.CholeskyDecomposition(a).lowerTriangularMatrix,
    definite: true,
  },
  {
    name: 'inverseCholesky',
    operations: 2 / 3,
    ours: a => inverseCholesky(a),
    theirs: a => {
      const inverse = ml.inverse(a)
      return new ml.CholeskyDecomposition(inverse.add(inverse.transpose()).mul(0.5)).lowerTriangularMatrix
    },
    definite: true,
  },
  {
    name: 'qr',
    operations: 8 / 3,
    ours: a => qr(a),
    theirs: a => {
      const found = new ml.QrDecomposition(a)
      return [found.orthogonalMatrix, found.upperTriangularMatrix]
    },
  },
  {
    name: 'symmetricEigen',
    operations: 8,
    ours: a => symmetricEigen(a),
    theirs: a => new ml.EigenvalueDecomposition(a, { assumeSymmetric: true }).eigenvectorMatrix,
    definite: true,
  },
  {
    name: 'svd',
    operations: 20,
    ours: a => svd(a),
    theirs: a => new ml.SingularValueDecomposition(a).leftSingularVectors,
  },
]

/** Milliseconds of the processor, the median of a few runs after one to warm up where that is cheap. */
async function median(run: () => unknown, runs: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < runs; i++) {
    const start = process.cpuUsage()
    await run()
    times.push(process.cpuUsage(start).user / 1000)
  }
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)]!
}

function random(n: number, definite: boolean): Tensor {
  const rng = new Rng(1)
  const x = new Tensor(
    'float64',
    Float64Array.from({ length: n * n }, () => rng.normal()),
    [n, n],
  )
  if (!definite) return x
  const a = gram(x)
  for (let i = 0; i < n; i++) a.data[i * (n + 1)] = Number(a.data[i * (n + 1)]) + 1
  return a
}

const sizes = process.argv.slice(2).map(Number)
console.log('decomposition        n        ms  GFLOP/s   × ml-matrix')
for (const n of sizes.length > 0 ? sizes : [256, 512, 1024]) {
  for (const { name, operations, ours, theirs, definite = false } of subjects) {
    const a = random(n, definite)
    const oracle = ml.Matrix.from1DArray(n, n, a.data as Float64Array)
    const runs = n <= 256 ? 5 : n <= 512 ? 3 : 1
    const time = await median(() => ours(a), runs)
    const rate = (operations * n ** 3) / time / 1e6
    const ratio = (await median(() => theirs(oracle), runs)) / time
    console.log(
      name.padEnd(16) +
        String(n).padStart(6) +
        time.toFixed(0).padStart(10) +
        rate.toFixed(2).padStart(9) +
        ratio.toFixed(1).padStart(14),
    )
  }
}
