import {
  type Filled,
  type Json,
  nearestName,
  optionsOf,
  ShapeError,
  type Stage,
  UnsupportedError,
  type WeightMethod,
} from '@tersor/core-tensor'

const WHERE = 'compress/recipe'

/** One method with its options, as plain JSON: `{ method: 'rtn', bits: 4 }`. */
export type Step = { readonly method: string } & { readonly [option: string]: Json }

/** Which tensors steps are for: `*` in `match` stands for any run of characters. */
export interface Rule {
  readonly match: string
  /** Done in turn, each to what the one before it gave; none leaves the tensor to `otherwise`. */
  readonly use: readonly Step[]
}

/** Which methods for which tensors, as plain JSON. Of several rules that match, the first counts. */
export interface Recipe {
  readonly name: string
  readonly rules: readonly Rule[]
  /** How what no step compresses is stored: in float16, the default, or as it is. */
  readonly otherwise?: 'float16' | 'keep' | undefined
  /** Methods of the whole model, done in turn before the rules. */
  readonly stages?: readonly Step[] | undefined
}

/** A step whose method is found and whose options are checked and filled in. */
export interface CheckedStep<M = WeightMethod> {
  readonly method: M
  readonly options: Filled<object>
  /** What reports call it, such as `gptq bits 3`. */
  readonly label: string
}

export interface CheckedRule {
  readonly match: string
  readonly use: readonly CheckedStep[]
}

/** A recipe that can be run. */
export interface CheckedRecipe {
  readonly name: string
  readonly rules: readonly CheckedRule[]
  readonly otherwise: 'float16' | 'keep'
  readonly stages: readonly CheckedStep<Stage>[]
}

/**
 * Finds the methods of a recipe by their names, and checks every option of every step.
 *
 * @param recipe  from a program or from JSON
 * @param methods  that its steps may name; nothing is registered anywhere
 * @param stages  that its `stages` may name
 * @throws {UnsupportedError} for the name of a method that is not among them, with the one that was probably meant
 * @throws {ShapeError} for a recipe that is none, an option that a method does not take, or one out of bounds
 * @example
 * const half: WeightMethod = {
 *   name: 'half', version: 1, summary: 'Half precision.', needs: [], kinds: [], options: {}, apply: weight => dense(weight as Tensor),
 * }
 * const recipe = { name: 'halves', rules: [{ match: '*', use: [{ method: 'half' }] }] }
 * checkRecipe(recipe, [half]).rules[0]?.use[0]?.label // => 'half'
 * const misspelt = { name: 'halves', rules: [{ match: '*', use: [{ method: 'hafl' }] }] }
 * checkRecipe(misspelt, [half]) // => throws UnsupportedError: [compress/recipe] expected a method among half, got 'hafl'; did you mean half?
 */
export function checkRecipe(
  recipe: Recipe,
  methods: readonly WeightMethod[],
  stages: readonly Stage[] = [],
): CheckedRecipe {
  requireRecipe(recipe)
  const rules = recipe.rules.map(({ match, use }) => {
    const checked = use.map(step => checkStep(step, methods, 'method'))
    const [first] = checked
    if (first?.method.needs.includes('start')) {
      throw new ShapeError(
        `[${WHERE}] expected a step before ${first.method.name} in the rule '${match}', which improves what another method gave; put one in front of it`,
      )
    }
    return { match, use: checked }
  })
  return {
    name: recipe.name,
    rules,
    otherwise: recipe.otherwise ?? 'float16',
    stages: (recipe.stages ?? []).map(step => checkStep(step, stages, 'stage')),
  }
}

/**
 * The rule of each tensor; tensors that no rule matches are left out.
 *
 * @throws {ShapeError} when a rule matches no tensor: a misspelt rule must not pass silently
 * @example
 * const rules = [{ match: '*embed*', use: ['more'] }, { match: '*', use: ['few'] }]
 * const planned = planRules(rules, ['embedding.tokens', 'head'])
 * Array.from(planned.values(), ({ use }) => use[0]) // => ['more', 'few']
 */
export function planRules<R extends { readonly match: string }>(
  rules: readonly R[],
  names: readonly string[],
): ReadonlyMap<string, R> {
  const plan = matchRules(rules, names)
  const used = new Set(plan.values())
  const idle = rules.find(rule => !used.has(rule))
  if (idle !== undefined) {
    throw new ShapeError(
      `[${WHERE}] the rule '${idle.match}' matches no tensor that an earlier rule does not take; the model has ${names.slice(0, 3).join(', ')} …`,
    )
  }
  return plan
}

/** The rule of each tensor, whether or not all rules match one. */
export function matchRules<R extends { readonly match: string }>(
  rules: readonly R[],
  names: readonly string[],
): ReadonlyMap<string, R> {
  const matchers = rules.map(rule => ({ rule, pattern: globPattern(rule.match) }))
  const matched = names.map(name => [name, matchers.find(({ pattern }) => pattern.test(name))?.rule] as const)
  return new Map(matched.filter((entry): entry is [string, R] => entry[1] !== undefined))
}

/**
 * What reports call steps.
 *
 * @throws {UnsupportedError} for a method that is not among those given
 * @example
 * const half: WeightMethod = {
 *   name: 'half', version: 1, summary: 'Half precision.', needs: [], kinds: [], options: {}, apply: weight => dense(weight as Tensor),
 * }
 * stepsLabel([{ method: 'half' }, { method: 'half' }], [half]) // => 'half, then half'
 */
export function stepsLabel(use: readonly Step[], methods: readonly WeightMethod[]): string {
  return labelOf(use.map(step => checkStep(step, methods, 'method')))
}

/** What reports call checked steps. */
export function labelOf(use: readonly CheckedStep[]): string {
  return use.map(({ label }) => label).join(', then ')
}

function checkStep<M extends WeightMethod | Stage>(
  { method: name, ...given }: Step,
  known: readonly M[],
  noun: string,
): CheckedStep<M> {
  const method = known.find(candidate => candidate.name === name)
  if (method === undefined) throw unknownMethod(name, known, noun)
  const options = optionsOf<object>(method.options, given, `${WHERE} ${name}`)
  const own = 'label' in method ? method.label?.(options as never) : undefined
  const words = own ?? optionWords(given)
  return { method, options, label: words === '' ? name : `${name} ${words}` }
}

/** The options that a step gives, in words: `bits 3, group size 64, no act order`. */
function optionWords(given: Readonly<Record<string, Json>>): string {
  return Object.entries(given)
    .map(([name, value]) => {
      const words = name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
      if (typeof value === 'boolean') return value ? words : `no ${words}`
      return `${words} ${value}`
    })
    .join(', ')
}

function unknownMethod(name: string, known: readonly { name: string }[], noun: string): UnsupportedError {
  const names = known.map(method => method.name)
  const meant = nearestName(name, names)
  const hint = meant === undefined ? `pass it in ${noun}s` : `did you mean ${meant}?`
  return new UnsupportedError(
    `[${WHERE}] expected a ${noun} among ${names.join(', ') || 'none'}, got '${name}'; ${hint}`,
  )
}

/** What JSON may hold instead of a recipe. */
function requireRecipe(value: unknown): asserts value is Recipe {
  const { name, rules, otherwise, stages } = (isObject(value) ? value : {}) as Record<string, unknown>
  const whole =
    typeof name === 'string' &&
    Array.isArray(rules) &&
    rules.every(rule => isObject(rule) && typeof rule.match === 'string' && isSteps(rule.use)) &&
    (otherwise === undefined || otherwise === 'float16' || otherwise === 'keep') &&
    (stages === undefined || isSteps(stages))
  if (!whole) {
    throw new ShapeError(
      `[${WHERE}] expected { name, rules: [{ match, use: [{ method, … }] }], otherwise?: 'float16' or 'keep', stages?: [{ method, … }] }, ` +
        `got ${JSON.stringify(value)?.slice(0, 200)}`,
    )
  }
}

function isSteps(value: unknown): boolean {
  return Array.isArray(value) && value.every(step => isObject(step) && typeof step.method === 'string')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function globPattern(glob: string): RegExp {
  const escaped = glob.split('*').map(piece => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`)
}
