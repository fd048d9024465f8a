/**
 * Where the largest number is: the first of equal ones, such as the likeliest token among logits.
 *
 * @returns an index; −1 where there is no number, since NaN is none
 * @example
 * argmax([0.5, 2, -1, 2]) // => 1
 */
export function argmax(values: ArrayLike<number>): number {
  let best = -1
  for (let i = 0; i < values.length; i++) {
    if (best < 0 ? !Number.isNaN(values[i]) : values[i]! > values[best]!) best = i
  }
  return best
}
