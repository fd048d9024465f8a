/** start, start + 1 … of `count` numbers: the positions of tokens that follow each other. */
export function consecutive(start: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => start + i)
}
