import type { Rng } from '@tersor/core-tensor'
import { between, pickWeighted } from './pick.ts'
import type { Sample, SampleOptions } from './sample.ts'
import { drawInSplit, splitOf } from './split.ts'

export interface ArithmeticOptions extends SampleOptions {
  /** `+` or `-`; either by default. */
  operator?: '+' | '-' | undefined
  /** Digits of both numbers, 1 to 3; by default each has its own, and longer ones are more frequent. */
  digits?: 1 | 2 | 3 | undefined
}

/**
 * A sum or a difference: `47+385=432`. Differences are never negative.
 *
 * Both orders of a sum are one instance. Sums and differences of two digits are too few to hold any out,
 * so they are in both splits.
 *
 * @example
 * arithmetic(new Rng(1), { operator: '+', digits: 2 }).text // => '26+99=125\n'
 */
export function arithmetic(rng: Rng, { split = 'train', operator, digits }: ArithmeticOptions = {}): Sample {
  const draw = () => {
    const sign = operator ?? pickWeighted(rng, { '+': 0.65, '-': 0.35 })
    let [a, b] = [operand(rng, digits), operand(rng, digits)]
    if (sign === '-' && a < b) [a, b] = [b, a]
    return { a, b, sign, key: sign === '+' && a > b ? `${b}+${a}` : `${a}${sign}${b}` }
  }
  const isExempt = ({ a, b }: { a: number; b: number }) => a < 10 && b < 10
  let drawn = draw()
  if (!isExempt(drawn) && splitOf('arithmetic', drawn.key) !== split) {
    drawn = drawInSplit(split, 'arithmetic', draw)
  }
  const { a, b, sign, key } = drawn
  const question = `${a}${sign}${b}=`
  const answer = `${sign === '+' ? a + b : a - b}`
  const kind = sign === '+' ? 'addition' : 'subtraction'
  return {
    text: `${question}${answer}\n`,
    answers: [{ start: question.length, end: question.length + answer.length, kind }],
    family: 'arithmetic',
    key,
  }
}

function operand(rng: Rng, digits: number | undefined): number {
  const count = digits ?? Number(pickWeighted(rng, { 1: 0.12, 2: 0.33, 3: 0.55 }))
  return count === 1 ? rng.integer(10) : between(rng, 10 ** (count - 1), 10 ** count - 1)
}
