import { ShapeError } from '@tersor/core-tensor'
import { EMBEDDING, HEAD, isRouter } from '@tersor/models'
import type { Float8Options, GptqOptions, Nf4Options, RtnOptions } from '@tersor/quantize'

type Plain<T> = { readonly [K in keyof T as K extends 'signal' | 'onProgress' | 'name' ? never : K]: T[K] }

/** A method with its options, as data. */
export type Method =
  | ({ readonly method: 'rtn' } & Plain<RtnOptions>)
  | ({
      readonly method: 'gptq'
      /** Sweeps of `quantEase` over what gptq gives; none by default. */
      readonly sweeps?: number
    } & Plain<GptqOptions>)
  | ({ readonly method: 'nf4' } & Plain<Nf4Options>)
  | ({ readonly method: 'float8' } & Plain<Float8Options>)
  | { readonly method: 'float16' }

/** Which tensors a method is for: `*` in `match` stands for any run of characters. */
export interface Rule {
  readonly match: string
  readonly use: Method
}

/** Which methods for which tensors; of several rules that match, the first counts. */
export interface Recipe {
  readonly name: string
  readonly rules: readonly Rule[]
}

/**
 * One method for every matrix of a model.
 *
 */
export function recipeOf(method: Method): Recipe {
  return { name: methodName(method), rules: [{ match: '*', use: method }] }
}

/**
 * Weights that are small next to what hangs on them: tables of tokens, which every loss of precision hits at both ends of a
 * model, and routers, which choose between experts.
 */
const isDelicate = (name: string) => name === EMBEDDING || name === HEAD || isRouter(name)

/**
 * One method for every matrix of a model, except that a method of few bits leaves the embedding, the
 * head and the routers of experts to rounding with more.
 *
 * @param names  the model's weights
 * @param embeddingBits  8 by default
 */
export function modelRecipe(method: Method, names: readonly string[], embeddingBits = 8): Recipe {
  const { name, rules } = recipeOf(method)
  const narrow = method.method === 'nf4' || ('bits' in method && (method.bits ?? 4) < embeddingBits)
  // A tied head is not all that reads the embedding, so gptq is never calibrated for it.
  const isRounded = (name: string) =>
    (narrow && isDelicate(name)) || (method.method === 'gptq' && name === EMBEDDING)
  const delicate = names.length > 1 ? names.filter(isRounded) : []
  const use: Method = { method: 'rtn', bits: embeddingBits, groupSize: 32 }
  return { name, rules: [...delicate.map(match => ({ match, use })), ...rules] }
}

/** A short name such as `gptq 3 bits, group 32`. */
export function methodName(method: Method): string {
  switch (method.method) {
    case 'rtn':
    case 'gptq':
      return `${method.method} ${method.bits} bits, group ${method.groupSize ?? 32}`
    case 'nf4':
      return `nf4, group ${method.groupSize ?? 64}`
    case 'float8':
      return `float8 ${method.format ?? 'e4m3fn'}`
    default:
      return method.method
  }
}

/**
 * The method of each tensor; tensors that no rule matches are left out.
 *
 * @throws {ShapeError} when a rule matches no tensor: a misspelt rule must not pass silently
 */
export function planRecipe({ rules }: Recipe, names: readonly string[]): ReadonlyMap<string, Method> {
  const matchers = rules.map(({ match, use }) => ({ match, use, pattern: globPattern(match), used: false }))
  const plan = new Map<string, Method>()
  for (const name of names) {
    const rule = matchers.find(({ pattern }) => pattern.test(name))
    if (rule === undefined) continue
    rule.used = true
    plan.set(name, rule.use)
  }
  const idle = matchers.find(({ used }) => !used)
  if (idle !== undefined) {
    throw new ShapeError(
      `[cli/recipe] the rule '${idle.match}' matches no tensor that an earlier rule does not take; the model has ${names.slice(0, 3).join(', ')} …`,
    )
  }
  return plan
}

function globPattern(glob: string): RegExp {
  const escaped = glob.split('*').map(piece => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`)
}
