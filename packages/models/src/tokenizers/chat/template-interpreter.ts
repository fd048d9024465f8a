import { Environment, Interpreter } from '@huggingface/jinja'
import { FormatError } from '@tersor/core-tensor'
import { pythonText } from './python-text.ts'
import { RenderingBudget, tooMuch } from './rendering-budget.ts'

type Node = NonNullable<Parameters<Interpreter['evaluate']>[0]> & Fields
type Value = ReturnType<Interpreter['evaluate']>

/** Fields of the nodes that are looked into here. */
interface Fields {
  readonly operand?: Node
  readonly filter?: Node
  readonly callee?: Node
  readonly args?: readonly Node[]
  readonly object?: Node
  readonly property?: Node
  readonly computed?: boolean
  readonly operator?: { readonly value: string }
  readonly left?: Node
  readonly right?: Node
  readonly iterable?: Node
  readonly lhs?: Node
  readonly value?: unknown
}

/** Filters that look at no more than a few elements. */
const CHEAP_FILTERS: readonly unknown[] = ['length', 'first', 'last']

/**
 * The interpreter of `@huggingface/jinja`, within a budget: a template of loops in loops, or of lists that double, ends with an error.
 * And it does as Jinja does where that one does not: tuples are unpacked, numbers are keys, text is added to text only, `lstrip('\n')`
 * takes line breaks only, and `string`, `trim` and `length` take what they are given.
 */
export class TemplateInterpreter extends Interpreter {
  readonly #budget = new RenderingBudget()
  /** Mappings whose keys are numbers. */
  readonly #numbered = new WeakSet<object>()

  override evaluate(node: Node | undefined, scope: Environment): Value {
    const value = node === undefined ? super.evaluate(node, scope) : this.#asJinjaDoes(node, scope)
    this.#budget.step(value)
    return value
  }

  #asJinjaDoes(node: Node, scope: Environment): Value {
    switch (node.type) {
      case 'Given':
        return node.value as Value
      case 'For':
        return this.#loop(node, scope)
      case 'TupleLiteral':
        return super.evaluate(changed(node, { type: 'ArrayLiteral' }), scope)
      case 'ObjectLiteral':
        return this.#mapping(node, scope)
      case 'MemberExpression':
        return node.computed === true ? this.#element(node, scope) : super.evaluate(node, scope)
      case 'BinaryExpression':
        return node.operator?.value === '+' ? this.#sum(node, scope) : super.evaluate(node, scope)
      case 'FilterExpression':
        return this.#filtered(node, scope)
      case 'CallExpression':
        return this.#called(node, scope)
      default:
        return super.evaluate(node, scope)
    }
  }

  #loop(node: Node, scope: Environment): Value {
    // A loop with a condition holds the list inside of it.
    const { iterable } = node
    const chosen = iterable?.type === 'SelectExpression'
    const list = this.evaluate(chosen ? iterable.lhs : iterable, scope)
    this.#budget.loop(list)
    return super.evaluate(
      changed(node, { iterable: chosen ? changed(iterable, { lhs: given(list) }) : given(list) }),
      scope,
    )
  }

  /** The interpreter knows keys of text only: numbers are written as such, and remembered. */
  #mapping(node: Node, scope: Environment): Value {
    const entries = Array.from(node.value as Map<Node, Node>)
    const numbered = entries.length > 0 && entries.every(([key]) => key.type === 'IntegerLiteral')
    if (!numbered) return super.evaluate(node, scope)
    const value = new Map(entries.map(([key, each]) => [literal('StringLiteral', String(key.value)), each]))
    const mapping = super.evaluate(changed(node, { value }), scope)
    this.#numbered.add(mapping.value as object)
    return mapping
  }

  #element(node: Node, scope: Environment): Value {
    const object = this.evaluate(node.object, scope)
    const property = this.#isNumbered(object)
      ? literal('StringLiteral', String(this.evaluate(node.property, scope).value))
      : node.property!
    return super.evaluate(changed(node, { object: given(object), property }), scope)
  }

  #isNumbered({ value }: Value): boolean {
    return value instanceof Map && this.#numbered.has(value)
  }

  #sum(node: Node, scope: Environment): Value {
    const left = this.evaluate(node.left, scope)
    const right = this.evaluate(node.right, scope)
    if ((typeof left.value === 'string') !== (typeof right.value === 'string'))
      throw new FormatError(
        `[models/chat-template] expected text on both sides of +, got ${left.type} and ${right.type}; the template does not take this conversation`,
      )
    return super.evaluate(changed(node, { left: given(left), right: given(right) }), scope)
  }

  #filtered(node: Node, scope: Environment): Value {
    const operand = this.evaluate(node.operand, scope)
    const name = node.filter?.type === 'Identifier' ? node.filter.value : undefined
    if (!CHEAP_FILTERS.includes(name)) this.#budget.work(operand)
    if ((name === 'dictsort' || name === 'items') && this.#isNumbered(operand))
      return this.#numberedItems(operand, name === 'dictsort')
    const filtered = (value: Value) => super.evaluate(changed(node, { operand: given(value) }), scope)
    const nothing = operand.type === 'UndefinedValue' || operand.type === 'NullValue'
    if (name === 'length' && nothing) return super.evaluate(literal('IntegerLiteral', 0), scope)
    const compound = typeof operand.value === 'object'
    if ((name !== 'string' && name !== 'trim') || !(nothing || compound)) return filtered(operand)
    const text = this.#text(operand.type === 'UndefinedValue' ? '' : pythonText(operand))
    return name === 'trim' ? filtered(text) : text
  }

  /** Pairs of numbers and values. */
  #numberedItems(mapping: Value, sorted: boolean): Value {
    const items = Array.from(mapping.value as Map<string, Value>, ([key, value]) => ({
      key: Number(key),
      value,
    }))
    if (sorted) items.sort((a, b) => a.key - b.key)
    const pairs = items.map(({ key, value }) =>
      literal('ArrayLiteral', [literal('IntegerLiteral', key), given(value)]),
    )
    return super.evaluate(literal('ArrayLiteral', pairs), this.global)
  }

  /** Methods of text are work, and some of them take arguments that the interpreter leaves alone. */
  #called(node: Node, scope: Environment): Value {
    const { callee, args = [] } = node
    if (callee?.type !== 'MemberExpression' || callee.computed === true) return super.evaluate(node, scope)
    const object = this.evaluate(callee.object, scope)
    this.#budget.work(object)
    const method = callee.property?.value
    if (typeof object.value === 'string' && args.length > 0) {
      const texts = args.map(argument => this.evaluate(argument, scope).value)
      const own = ownMethod(object.value, method, texts)
      if (own !== undefined) return this.#text(own)
    }
    return super.evaluate(changed(node, { callee: changed(callee, { object: given(object) }) }), scope)
  }

  #text(value: string): Value {
    return super.evaluate(literal('StringLiteral', value), this.global)
  }
}

/** `strip`, `lstrip` and `rstrip` of given characters, and `replace` without a callback for every place. */
function ownMethod(text: string, method: unknown, args: readonly unknown[]): string | undefined {
  const [first, second] = args
  if (typeof first !== 'string') return undefined
  if (method === 'replace' && typeof second === 'string' && args.length === 2 && first !== '')
    return text.replaceAll(first, () => second)
  if (args.length !== 1) return undefined
  switch (method) {
    case 'strip':
      return stripped(text, first, true, true)
    case 'lstrip':
      return stripped(text, first, true, false)
    case 'rstrip':
      return stripped(text, first, false, true)
    default:
      return undefined
  }
}

function stripped(text: string, characters: string, left: boolean, right: boolean): string {
  let from = 0
  let to = text.length
  while (left && from < to && characters.includes(text[from]!)) from++
  while (right && to > from && characters.includes(text[to - 1]!)) to--
  return text.slice(from, to)
}

/** A node that gives a value that is known. */
function given(value: Value): Node {
  return literal('Given', value)
}

function literal(type: string, value: unknown): Node {
  return { type, value } as Node
}

function changed(node: Node, fields: Fields & { readonly type?: string }): Node {
  return { ...node, ...fields } as Node
}

/** The scope of a template: its functions, constants and variables. */
export function templateScope(variables: Readonly<Record<string, unknown>>): Environment {
  const scope = new Environment()
  for (const [name, value] of Object.entries({ ...constants, range, ...variables })) scope.set(name, value)
  return scope
}

const constants = { true: true, false: false, none: null, True: true, False: false, None: null }

const MAX_RANGE = 100_000

function range(first: number, second?: number, step = 1): number[] {
  const [from, to] = typeof second === 'number' ? [first, second] : [0, first]
  if (![from, to, step].every(Number.isInteger) || step === 0)
    throw new FormatError('[models/chat-template] expected whole numbers in range, and a step that is not 0')
  const length = Math.max(0, Math.ceil((to - from) / step))
  if (length > MAX_RANGE) throw tooMuch()
  return Array.from({ length }, (_, i) => from + i * step)
}
