import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** One example: the text of its file with everything else blanked, so that line numbers stay true. */
export interface Example {
  /** Relative to the root of the repository, with forward slashes. */
  readonly file: string
  /** Of the first line of code, from 1. */
  readonly line: number
  readonly code: string
}

/** Every example of the documentation, in the order of files and lines. */
export function findExamples(root: string): Example[] {
  const packages = filesIn(root, 'packages', false).map(name => `packages/${name}`)
  const sources = packages
    .flatMap(folder => filesIn(root, `${folder}/src`).map(name => `${folder}/src/${name}`))
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const read = (file: string) => readFileSync(join(root, file), 'utf8')
  return [
    ...sources.flatMap(file => examplesOfSource(file, read(file))),
    ...findPages(root).flatMap(file => examplesOfPage(file, read(file))),
  ]
}

/** Every page of the documentation. */
export function findPages(root: string): string[] {
  return [
    'README.md',
    'CONTRIBUTING.md',
    ...filesIn(root, 'packages', false).map(name => `packages/${name}/README.md`),
    ...filesIn(root, 'tooling', false).map(name => `tooling/${name}/README.md`),
    ...filesIn(root, 'tooling/tiny-lm', false).map(name => `tooling/tiny-lm/${name}/README.md`),
    ...filesIn(root, 'docs').map(name => `docs/${name}`),
  ].filter(file => file.endsWith('.md') && existsSync(join(root, file)))
}

function filesIn(root: string, folder: string, recursive = true): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .sort()
}

/** The `@example` blocks of doc comments. A fence inside one is optional. */
export function examplesOfSource(file: string, text: string): Example[] {
  return docComments(file, text).flatMap(({ start, lines }) => {
    const stripped = lines.map(line => line.replace(/^\s*(\/\*\*|\*\/|\* ?)/, '').replace(/\s*\*\/\s*$/, ''))
    return exampleTags(stripped).flatMap(([from, to]) => {
      const block = stripped.map((line, i) => (i > from && i < to ? line : ''))
      if (block.some(line => line.startsWith('```'))) return fences(file, block, start)
      return example(file, block, start)
    })
  })
}

/** The `ts` blocks of a Markdown page. */
export function examplesOfPage(file: string, text: string): Example[] {
  return fences(file, text.split(/\r?\n/), 0)
}

function docComments(file: string, text: string): { start: number; lines: string[] }[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  const positions = new Map<number, number>()
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of ts.getLeadingCommentRanges(text, node.pos) ?? []) {
      if (text.startsWith('/**', pos)) positions.set(pos, end)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...positions].map(([pos, end]) => ({
    start: source.getLineAndCharacterOfPosition(pos).line,
    lines: text.slice(pos, end).split(/\r?\n/),
  }))
}

/** From each `@example` to the next tag or the end, both exclusive. */
function exampleTags(lines: string[]): [from: number, to: number][] {
  const ranges: [number, number][] = []
  for (const [i, line] of lines.entries()) {
    if (!/^@example\b/.test(line)) continue
    const next = lines.findIndex((other, j) => j > i && /^@[a-z]+\b/i.test(other))
    ranges.push([i, next === -1 ? lines.length : next])
  }
  return ranges
}

/** @param start  the lines of the file before the first of `lines` */
function fences(file: string, lines: string[], start: number): Example[] {
  const blocks: string[][] = []
  let fence: string | undefined
  let tags: string[] = []
  for (const [i, line] of lines.entries()) {
    const [, ticks, info] = /^\s*(`{3,})(.*)$/.exec(line) ?? []
    if (fence === undefined && ticks !== undefined) {
      fence = ticks
      tags = info!.trim().split(/\s+/)
      if (isRun(tags) && !(tags.includes('continued') && blocks.length > 0)) blocks.push(lines.map(() => ''))
    } else if (fence !== undefined && ticks === fence && info!.trim() === '') {
      fence = undefined
    } else if (fence !== undefined && isRun(tags)) {
      blocks[blocks.length - 1]![i] = line
    }
  }
  return blocks.flatMap(block => example(file, block, start))
}

function isRun(tags: string[]): boolean {
  return tags[0] === 'ts' && !tags.includes('no-run')
}

function example(file: string, lines: string[], start: number): Example[] {
  const first = lines.findIndex(line => line.trim() !== '')
  if (first === -1) return []
  return [{ file, line: start + first + 1, code: '\n'.repeat(start) + lines.join('\n') }]
}
