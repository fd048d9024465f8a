import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What a module imports from one place. */
export interface Import {
  /** As it is written. */
  readonly from: string
  /** Whether something of it is there at run time. */
  readonly value: boolean
  /** `import()`, which is followed later, if at all. */
  readonly later: boolean
}

/** What a module names after `from`, `import` and `import(`. Examples in comments do not begin a line. */
export function importsIn(text: string): Import[] {
  const named = text.matchAll(
    /^(?:import|export)\s+(type\s+)?(\*(?:\s+as\s+\w+)?|\w+(?:\s*,\s*\{[^}]*\})?|\{[^}]*\})\s+from\s+'([^']+)'/gm,
  )
  const bare = text.matchAll(/^import\s+'([^']+)'/gm)
  const later = text.matchAll(/^(?!\s*(?:\*|\/\/)).*?(?<!typeof )\bimport\('([^']+)'\)/gm)
  return [
    ...Array.from(named, ([, type, clause, from]) => {
      return { from: from!, value: type === undefined && !isOfTypes(clause!), later: false }
    }),
    ...Array.from(bare, ([, from]) => ({ from: from!, value: true, later: false })),
    ...Array.from(later, ([, from]) => ({ from: from!, value: true, later: true })),
  ]
}

/** `{ type A, type B }` */
function isOfTypes(clause: string): boolean {
  const [, names] = /^\{([^}]*)\}$/.exec(clause) ?? []
  return names?.split(',').every(name => /^\s*(type\s|$)/.test(name)) ?? false
}

/** Every TypeScript and JavaScript file below a folder that is neither installed nor made by a tool. */
export function modulesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return /^(node_modules|dist|\.?generated)$/.test(entry.name) ? [] : modulesBelow(path)
    return /\.(ts|mjs|js)$/.test(entry.name) ? [path] : []
  })
}

/** Modules that import values of each other in a loop: which of them runs first is left to chance. */
export function circlesAmong(files: readonly string[]): string[][] {
  const known = new Set(files)
  return loopsOf(files, file =>
    importsIn(readFileSync(file, 'utf8'))
      .filter(({ from, value, later }) => value && !later && from.startsWith('.'))
      .map(({ from }) => join(dirname(file), from))
      .map(path => (known.has(path) ? path : `${path}.ts`))
      .filter(path => known.has(path)),
  )
}

/** The loops of a graph: its strongly connected components, after Tarjan. */
export function loopsOf(nodes: readonly string[], next: (node: string) => readonly string[]): string[][] {
  const order = new Map<string, number>()
  const open: string[] = []
  const loops: string[][] = []
  /** Gives the earliest node still open that can be reached from this one. */
  const visit = (node: string): number => {
    const at = order.size
    order.set(node, at)
    open.push(node)
    const followers = next(node)
    let earliest = at
    for (const other of followers) {
      if (!order.has(other)) earliest = Math.min(earliest, visit(other))
      else if (open.includes(other)) earliest = Math.min(earliest, order.get(other)!)
    }
    if (earliest < at) return earliest
    const loop = open.splice(open.indexOf(node))
    if (loop.length > 1 || followers.includes(node)) loops.push(loop.sort())
    return Number.POSITIVE_INFINITY
  }
  for (const node of nodes) if (!order.has(node)) visit(node)
  return loops
}
