import ts from 'typescript'
import { declaredNames, type Origin } from './exported-names.ts'
import type { Example } from './find-examples.ts'

/** A comment `// => value` behind a statement, on its line or on the next; `//` and three spaces continue it. */
const ASSERTION = /^;?[ \t]*(?:\n[ \t]*)?\/\/ => ?(.*(?:\n[ \t]*\/\/ {3,}.*)*)/

/**
 * The module that runs an example, line for line: the imports that it leaves to the reader on the
 * first line, and a call of `expectValue` or `expectLog` for each assertion.
 *
 * @param scope  the names that need no import
 * @param expectations  the specifier of `expect-value.ts`
 * @throws when an assertion is where none can be checked
 */
export function toModule(example: Example, scope: ReadonlyMap<string, Origin>, expectations: string): string {
  const { file, line, code } = example
  const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true)
  const edits: { start: number; end: number; text: string }[] = []

  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return
    if (ts.isExpressionStatement(node) || ts.isVariableStatement(node)) {
      // Not the end of the statement, which is a semicolon that may begin the next line.
      const { end } = ts.isExpressionStatement(node) ? node.expression : node.declarationList
      const match = ASSERTION.exec(code.slice(end))
      const edit = match && assertion(node, match[1]!, `${file}:${lineOf(source, end)}`)
      if (edit) edits.push(edit)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)

  const written = code.match(/\/\/ =>/g)?.length ?? 0
  if (written !== edits.length) {
    throw new Error(
      `[doc-examples] ${file}:${line} has ${written} comments "// =>", ${edits.length} of them behind an expression ` +
        'or a const with one name, outside of functions; move the others there',
    )
  }

  let text = code
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => b.start - a.start)) {
    text = text.slice(0, start) + replacement + text.slice(end)
  }
  return `import { expectLog as __expectLog, expectValue as __expectValue } from '${expectations}'; ${imports(source, scope)}${text}`
}

function assertion(
  statement: ts.ExpressionStatement | ts.VariableStatement,
  expected: string,
  where: string,
) {
  const rest = `${JSON.stringify(expected.replaceAll(/\n[ \t]*\/\/ +/g, ' '))}, ${JSON.stringify(where)});`
  const source = statement.getSourceFile().text
  if (ts.isVariableStatement(statement)) {
    const [name, ...others] = declaredNames(statement)
    if (name === undefined || others.length > 0) return undefined
    const { end } = statement.declarationList
    return { start: end, end, text: `;await __expectValue(async () => [${name}], ${rest}` }
  }
  const { expression } = statement
  const [start, end] = [expression.getStart(), expression.end]
  if (ts.isCallExpression(expression) && expression.expression.getText() === 'console.log') {
    const values = source.slice(expression.arguments.pos, expression.arguments.end)
    return { start, end, text: `;await __expectLog(async () => [${values}], ${rest}` }
  }
  return { start, end, text: `;await __expectValue(async () => [(${source.slice(start, end)})], ${rest}` }
}

function imports(source: ts.SourceFile, scope: ReadonlyMap<string, Origin>): string {
  const declared = new Set(source.statements.flatMap(declaredNames))
  const mentioned = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) mentioned.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...mentioned]
    .filter(name => scope.has(name) && !declared.has(name))
    .map(name => {
      const { specifier, isType } = scope.get(name)!
      return `import { ${isType ? 'type ' : ''}${name} } from '${specifier}'; `
    })
    .join('')
}

function lineOf(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1
}
