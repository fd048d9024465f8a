import { madd, sumOf, sumsOf } from '../vector'

/**
 * Few queries over keys and values in float32, (count, headDim) for whole vectors. Four places, a
 * quarter of the block apart, are read together, each by its own instruction: processors foresee an
 * instruction that moves on steadily, and rows read side by side, each in a jump, at a quarter of the speed.
 */

/** scores (1 or 2, keys) of `count` keys; `pair` is the second query, or 0. */
export function floatScores(scores: usize, keys: u32, query: usize, pair: usize, k: usize, bytes: usize, count: u32): void {
  const step = count >> 2
  const apart = bytes * step
  const next = <usize>keys << 2
  for (let j: u32 = 0; j < step; j++, scores += 4, k += bytes) {
    if (pair != 0) twoQueries(scores, next, <usize>step << 2, query, pair, k, apart, bytes)
    else oneQuery(scores, <usize>step << 2, query, k, apart, bytes)
  }
  scores += <usize>(3 * step) << 2
  k += 3 * apart
  for (let j = step << 2; j < count; j++, scores += 4, k += bytes) {
    f32.store(scores, dot(query, k, bytes))
    if (pair != 0) f32.store(scores + next, dot(pair, k, bytes))
  }
}

/** o (1 or 2, headDim) += weights (1 or 2, keys) · `count` rows of values; `pair` is the second row of o, or 0. */
export function addFloats(o: usize, pair: usize, weights: usize, keys: u32, v: usize, bytes: usize, count: u32): void {
  const step = count >> 2
  const apart = bytes * step
  const next = <usize>keys << 2
  for (let j: u32 = 0; j < step; j++, weights += 4, v += bytes) {
    if (pair != 0) addToTwo(o, pair, weights, next, <usize>step << 2, v, apart, bytes)
    else addToOne(o, weights, <usize>step << 2, v, apart, bytes)
  }
  weights += <usize>(3 * step) << 2
  v += 3 * apart
  for (let j = step << 2; j < count; j++, weights += 4, v += bytes) {
    addRow(o, f32.load(weights), v, bytes)
    if (pair != 0) addRow(pair, f32.load(weights + next), v, bytes)
  }
}

function dot(q: usize, k: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0)
  for (let p: usize = 0; p < bytes; p += 16) sum = madd(v128.load(q + p), v128.load(k + p), sum)
  return sumOf(sum)
}

function addRow(o: usize, weight: f32, v: usize, bytes: usize): void {
  const w = f32x4.splat(weight)
  for (let p: usize = 0; p < bytes; p += 16) v128.store(o + p, madd(w, v128.load(v + p), v128.load(o + p)))
}

/** The lanes of a vector, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function scatter(to: usize, step: usize, v: v128): void {
  v128.store32_lane(to, v, 0)
  v128.store32_lane(to + step, v, 1)
  v128.store32_lane(to + 2 * step, v, 2)
  v128.store32_lane(to + 3 * step, v, 3)
}

function oneQuery(scores: usize, step: usize, q: usize, k0: usize, apart: usize, bytes: usize): void {
  const k1 = k0 + apart
  const k2 = k1 + apart
  const k3 = k2 + apart
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let p: usize = 0; p < bytes; p += 16) {
    const x = v128.load(q + p)
    s0 = madd(x, v128.load(k0 + p), s0)
    s1 = madd(x, v128.load(k1 + p), s1)
    s2 = madd(x, v128.load(k2 + p), s2)
    s3 = madd(x, v128.load(k3 + p), s3)
  }
  scatter(scores, step, sumsOf(s0, s1, s2, s3))
}

function twoQueries(scores: usize, next: usize, step: usize, q: usize, pair: usize, k0: usize, apart: usize, bytes: usize): void {
  const k1 = k0 + apart
  const k2 = k1 + apart
  const k3 = k2 + apart
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  let t0 = s0
  let t1 = s0
  let t2 = s0
  let t3 = s0
  for (let p: usize = 0; p < bytes; p += 16) {
    const x = v128.load(q + p)
    const y = v128.load(pair + p)
    let k = v128.load(k0 + p)
    s0 = madd(x, k, s0)
    t0 = madd(y, k, t0)
    k = v128.load(k1 + p)
    s1 = madd(x, k, s1)
    t1 = madd(y, k, t1)
    k = v128.load(k2 + p)
    s2 = madd(x, k, s2)
    t2 = madd(y, k, t2)
    k = v128.load(k3 + p)
    s3 = madd(x, k, s3)
    t3 = madd(y, k, t3)
  }
  scatter(scores, step, sumsOf(s0, s1, s2, s3))
  scatter(scores + next, step, sumsOf(t0, t1, t2, t3))
}

function addToOne(o: usize, weights: usize, step: usize, v0: usize, apart: usize, bytes: usize): void {
  const v1 = v0 + apart
  const v2 = v1 + apart
  const v3 = v2 + apart
  const w0 = v128.load32_splat(weights)
  const w1 = v128.load32_splat(weights + step)
  const w2 = v128.load32_splat(weights + 2 * step)
  const w3 = v128.load32_splat(weights + 3 * step)
  for (let p: usize = 0; p < bytes; p += 16) {
    let s = v128.load(o + p)
    s = madd(w0, v128.load(v0 + p), s)
    s = madd(w1, v128.load(v1 + p), s)
    s = madd(w2, v128.load(v2 + p), s)
    s = madd(w3, v128.load(v3 + p), s)
    v128.store(o + p, s)
  }
}

function addToTwo(o: usize, pair: usize, weights: usize, next: usize, step: usize, v0: usize, apart: usize, bytes: usize): void {
  const v1 = v0 + apart
  const v2 = v1 + apart
  const v3 = v2 + apart
  const w0 = v128.load32_splat(weights)
  const w1 = v128.load32_splat(weights + step)
  const w2 = v128.load32_splat(weights + 2 * step)
  const w3 = v128.load32_splat(weights + 3 * step)
  weights += next
  const u0 = v128.load32_splat(weights)
  const u1 = v128.load32_splat(weights + step)
  const u2 = v128.load32_splat(weights + 2 * step)
  const u3 = v128.load32_splat(weights + 3 * step)
  for (let p: usize = 0; p < bytes; p += 16) {
    let s = v128.load(o + p)
    let t = v128.load(pair + p)
    let v = v128.load(v0 + p)
    s = madd(w0, v, s)
    t = madd(u0, v, t)
    v = v128.load(v1 + p)
    s = madd(w1, v, s)
    t = madd(u1, v, t)
    v = v128.load(v2 + p)
    s = madd(w2, v, s)
    t = madd(u2, v, t)
    v = v128.load(v3 + p)
    s = madd(w3, v, s)
    t = madd(u3, v, t)
    v128.store(o + p, s)
    v128.store(pair + p, t)
  }
}
