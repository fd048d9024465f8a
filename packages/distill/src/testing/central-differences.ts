import { Rng, Tensor } from '@tersor/core-tensor'

type FloatType = 'float32' | 'float64'

/** A tensor of normal deviates. */
export function normals(
  dims: readonly number[],
  { seed = 1, spread = 1, type = 'float64' as FloatType, mean = 0 } = {},
): Tensor {
  const rng = new Rng(seed)
  const size = dims.reduce((a, b) => a * b, 1)
  const values = Float64Array.from({ length: size }, () => mean + spread * rng.normal())
  return new Tensor(type, type === 'float64' ? values : Float32Array.from(values), dims)
}

/**
 * The derivative of `loss` with respect to each element of x, by central differences of the fourth
 * order: (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h.
 */
export function centralDifferences(x: Tensor, loss: () => number, step = 1e-3): Float64Array {
  const values = x.data as Float64Array
  return Float64Array.from(values, (held, i) => {
    const at = (offset: number) => {
      values[i] = held + offset
      const result = loss()
      values[i] = held
      return result
    }
    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
  })
}

/** The derivative of `loss` as x moves along a direction, likewise. */
export function differencesAlong(x: Tensor, direction: Tensor, loss: () => number): number {
  const values = x.data as Float64Array
  const step = direction.data as Float64Array
  const held = values.slice()
  const along = new Tensor('float64', [0], [1])
  const [slope] = centralDifferences(
    along,
    () => {
      const by = (along.data as Float64Array)[0]!
      for (let i = 0; i < values.length; i++) values[i] = held[i]! + by * step[i]!
      return loss()
    },
    1e-4,
  )
  values.set(held)
  return slope!
}

/** ‖actual − expected‖ / ‖expected‖, and 0 where both are the same, zeros too. */
export function relativeError(
  actual: Tensor | ArrayLike<number>,
  expected: Tensor | ArrayLike<number>,
): number {
  const a = numbers(actual)
  const b = numbers(expected)
  if (a.length !== b.length) throw new RangeError(`expected ${b.length} numbers, got ${a.length}`)
  let difference = 0
  let norm = 0
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    norm += b[i]! ** 2
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm)
}

/** Σ x·y: a loss whose gradient with respect to x is y. */
export function dot(x: Tensor, y: Tensor): number {
  const a = numbers(x)
  const b = numbers(y)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function numbers(x: Tensor | ArrayLike<number>): ArrayLike<number> {
  return x instanceof Tensor ? (x.data as Float64Array) : x
}
