import type { Rng } from '@tersor/core-tensor'

/** Values that are no sizes, no names, or of another kind than is expected. */
const ODDITIES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1,
    2,
    255,
    2 ** 24,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    1e15,
    1e300,
    -1e300,
    1e-300,
  ],
  ...[
    '',
    'x',
    '__proto__',
    'constructor',
    'F32',
    'U8',
    'float32',
    '\ud800',
    '\0',
    'a/../../b',
    'x'.repeat(10_000),
  ],
  ...[[], {}, [[]], [0], [2 ** 31, 2 ** 31], [-1], Array(200).fill(1), Array(3000).fill('a'), { a: {} }],
]

/** A JSON value with one change somewhere in it: a value replaced, left out, doubled, moved, renamed or nested. */
export function mutateJson(value: unknown, rng: Rng): unknown {
  const paths: (readonly (string | number)[])[] = []
  collect(value, [], paths)
  if (paths.length === 0) return odd(rng)
  const path = pick(paths, rng)
  const root: unknown = structuredClone(value)
  const parent = at(root, path.slice(0, -1)) as Parent
  const key = path.at(-1)!
  const elsewhere = at(value, pick(paths, rng))
  switch (rng.integer(8)) {
    case 0:
    case 1:
    case 2:
      parent[key] = odd(rng)
      break
    case 3:
      if (Array.isArray(parent)) parent.splice(key as number, 1)
      else delete parent[key]
      break
    case 4:
      parent[key] = structuredClone(elsewhere)
      break
    case 5:
      if (Array.isArray(parent)) parent.splice(key as number, 0, structuredClone(parent[key as number]))
      else rename(parent, key as string, String(odd(rng)))
      break
    case 6:
      parent[key] = nested(parent[key], 1 + rng.integer(rng.integer(8) === 0 ? 2000 : 4), rng)
      break
    default:
      parent[key] = near(parent[key], rng)
  }
  return root
}

/** An object or a list whose entry is changed. */
type Parent = Record<string | number, unknown>

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inside, key) => (inside as Parent)[key], value)
}

/** At most so many places are looked at; large vocabularies are alike. */
const MAX_PATHS = 2000

function collect(
  value: unknown,
  path: readonly (string | number)[],
  paths: (readonly (string | number)[])[],
): void {
  if (typeof value !== 'object' || value === null) return
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    if (paths.length >= MAX_PATHS) return
    const inside = [...path, key]
    paths.push(inside)
    collect((value as Parent)[key], inside, paths)
  }
}

function rename(object: Record<string, unknown>, key: string, name: string): void {
  Object.defineProperty(object, name, {
    value: object[key],
    configurable: true,
    enumerable: true,
    writable: true,
  })
  if (name !== key) delete object[key]
}

function nested(value: unknown, depth: number, rng: Rng): unknown {
  let inside = value
  const inList = rng.integer(2) === 0
  for (let i = 0; i < depth; i++) inside = inList ? [inside] : { a: inside }
  return inside
}

/** A number or text a little beside what it was. */
function near(value: unknown, rng: Rng): unknown {
  if (typeof value === 'number') return value + rng.integer(9) - 4
  return typeof value === 'string' ? edited(value, rng) : odd(rng)
}

function edited(text: string, rng: Rng): string {
  const at = rng.integer(text.length + 1)
  const piece = pick(['', '0', '.', '/', '{layer}', '-', '\u{1f600}', '(', '\\', '*'], rng)
  return text.slice(0, at) + piece + text.slice(at + rng.integer(3))
}

function odd(rng: Rng): unknown {
  return structuredClone(pick(ODDITIES, rng))
}

function pick<T>(items: readonly T[], rng: Rng): T {
  return items[rng.integer(items.length)]!
}
