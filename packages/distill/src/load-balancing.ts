import { type Loss, ShapeError, type Tensor } from '@tersor/core-tensor'
import { softmax } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/**
 * The auxiliary loss that keeps all experts of a layer in use (Fedus, Zoph and Shazeer, 2021, Switch Transformer,
 * arXiv:2101.03961, equations 4 to 6): weight · experts · Σ fₑ·Pₑ, where f is the fraction of all choices
 * that an expert got and P the mean of its probability, the softmax over all experts. It is least, `weight`,
 * where the choices are spread evenly. Fractions are constants to the gradient.
 *
 * @param logits  (tokens, experts) of the router
 * @param options.borders  (experts + 1) where the rows of each expert begin, as `routeTokens` gives it
 * @param options.weight  0.01 by default
 * @returns the loss, and its gradient (tokens, experts) with respect to the logits
 * @throws {ShapeError} when the shapes do not fit
 * @example
 * const logits = new Tensor('float32', [0, 0, 0, 0], [2, 2])
 * loadBalancing(logits, { borders: [0, 2, 2] }).loss // => 0.01
 * const sure = new Tensor('float32', [50, 0, 50, 0], [2, 2])
 * loadBalancing(sure, { borders: [0, 2, 2] }).loss // => 0.02
 */
export function loadBalancing(
  logits: Tensor,
  { borders, weight = 0.01 }: { borders: ArrayLike<number>; weight?: number | undefined },
): Loss {
  const where = 'distill/load-balancing'
  const [tokens = 0, experts = 0] = logits.dims
  if (logits.dims.length !== 2 || borders.length !== experts + 1 || tokens === 0) {
    throw new ShapeError(
      `[${where}] expected logits (tokens, experts) and experts + 1 borders, got [${logits.dims}] and ${borders.length}`,
    )
  }
  const choices = borders[experts]!
  const fractions = Float64Array.from(
    { length: experts },
    (_, e) => (borders[e + 1]! - borders[e]!) / choices,
  )
  const gradient = softmax(logits)
  const slopes = floatData(gradient, where)
  const scale = (weight * experts) / tokens
  let loss = 0
  for (let row = 0; row < slopes.length; row += experts) {
    // p·(f − Σ p·f), the softmax's gradient; the sum is also what the row adds to the loss.
    let mean = 0
    for (let e = 0; e < experts; e++) mean += slopes[row + e]! * fractions[e]!
    for (let e = 0; e < experts; e++) slopes[row + e]! *= scale * (fractions[e]! - mean)
    loss += scale * mean
  }
  return { loss, gradient }
}
