/** Results by what they were worked out from. */
const results = new Map<string, unknown>()

/**
 * What a formula gives for numbers, worked out once for all devices of a process: the same cases run on every instruction
 * set and in every mode, and their formulas cost more than the kernels that are compared with them.
 *
 * @param name  of the formula
 * @param inputs  everything that it depends on; other numbers are another result
 */
export function sharedResult<T>(
  name: string,
  inputs: readonly (Float64Array | readonly number[])[],
  formula: () => T,
): T {
  const key = `${name} ${inputs.map(digest).join(' ')}`
  if (!results.has(key)) results.set(key, formula())
  return results.get(key) as T
}

/** 64 bits of numbers and their count: two sums as in FNV-1a, over words in both directions. */
function digest(numbers: Float64Array | readonly number[]): string {
  const { buffer } = numbers instanceof Float64Array ? numbers.slice() : Float64Array.from(numbers)
  const words = new Uint32Array(buffer)
  let [forward, backward] = [0x811c9dc5, 0x811c9dc5]
  for (let i = 0; i < words.length; i++) {
    forward = Math.imul(forward ^ words[i]!, 0x01000193)
    backward = Math.imul(backward ^ words[words.length - 1 - i]!, 0x01000193)
  }
  return `${words.length}:${forward >>> 0}:${backward >>> 0}`
}
