import { installMatchers } from '@tersor/core-tensor/testing'
import { expect, it } from 'vitest'
import { eachNativeDevice, expectSame, normals } from './test-devices.ts'

installMatchers()

const { fround } = Math

const SHAPES = [
  [0, 3, 4],
  [3, 0, 4],
  [3, 4, 0],
  [1, 1, 1],
  [1, 33, 65],
  [2, 40, 9],
  [3, 64, 64],
  [4, 700, 35],
  [5, 65, 17],
  [7, 13, 400],
  [65, 67, 33],
  [150, 129, 128],
  [13, 530, 700],
] as const

function product(
  a: Float32Array,
  b: Float32Array,
  m: number,
  n: number,
  k: number,
  flags: number,
): { free: Float64Array; sequential: Float32Array } {
  const free = new Float64Array(m * n)
  const sequential = new Float32Array(m * n)
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0
      let rounded = fround(0)
      for (let p = 0; p < k; p++) {
        const x = a[flags & 1 ? p * m + i : i * k + p]!
        const y = b[flags & 2 ? j * k + p : p * n + j]!
        sum += x * y
        rounded = fround(rounded + fround(x * y))
      }
      free[i * n + j] = sum
      sequential[i * n + j] = rounded
    }
  }
  return { free, sequential }
}

eachNativeDevice(t => {
  it('gemm, every shape, transposition and order, plain and added', () => {
    for (const [m, n, k] of SHAPES) {
      const [a, b, c0] = [normals(m + 1, m * k), normals(n + 2, n * k), normals(3, m * n)]
      for (let layout = 0; layout < 4; layout++) {
        const { free, sequential } = product(a, b, m, n, k, layout)
        for (const accumulate of [0, 4]) {
          for (const order of [0, 8]) {
            const c = t.floats(accumulate ? c0 : c0.map(() => Number.NaN))
            t.run('gemm', [c], [t.floats(a), t.floats(b)], [1, m, n, k, 0, 0, 0, layout | accumulate | order])
            const before = accumulate ? c0 : new Float32Array(m * n)
            if (order === 0) {
              expect(c.data as Float32Array).toBeAllclose(
                free.map((x, i) => x + before[i]!),
                { rtol: 1e-5, atol: 1e-6 * (k + 4) },
              )
            } else {
              expectSame(
                c.data as Float32Array,
                accumulate ? sequential.map((x, i) => fround(before[i]! + x)) : sequential,
              )
            }
          }
        }
      }
    }
  })

  it('gemm of batches, with a shared operand', () => {
    for (const [m, n, k, batch] of [
      [5, 7, 9, 6],
      [1, 40, 16, 8],
      [64, 64, 200, 3],
    ] as const) {
      const [a, b] = [normals(4, batch * m * k), normals(5, n * k)]
      const c = t.floatsFrom(
        'gemm',
        batch * m * n,
        [t.floats(a), t.floats(b)],
        [batch, m, n, k, m * k, 0, m * n, 2],
      )
      for (let i = 0; i < batch; i++) {
        const { free } = product(a.subarray(i * m * k, (i + 1) * m * k), b, m, n, k, 2)
        expect(c.subarray(i * m * n, (i + 1) * m * n)).toBeAllclose(free, { rtol: 1e-5, atol: 1e-6 * k })
      }
    }
  })

  it('gemm in sequence does not depend on the number of rows', () => {
    const [m, n, k] = [9, 50, 700]
    const [a, b] = [normals(6, m * k), normals(7, n * k)]
    const all = t.floatsFrom('gemm', m * n, [t.floats(a), t.floats(b)], [1, m, n, k, 0, 0, 0, 10])
    for (let i = 0; i < m; i++) {
      const one = t.floatsFrom(
        'gemm',
        n,
        [t.floats(a.subarray(i * k, (i + 1) * k)), t.floats(b)],
        [1, 1, n, k, 0, 0, 0, 10],
      )
      expect(one).toEqual(all.subarray(i * n, (i + 1) * n))
    }
  })
})
