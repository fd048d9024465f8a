import ts from 'typescript'
import { declaredNames, type Origin } from './exported-names.ts'
import type { Example } from './find-examples.ts'

/** A comment `// => value` behind a statement, on its line or on the next; `//` and three spaces continue it. */
const ASSERTION = /^;?[ \t]*(?:\n[ \t]*)?\/\/ => ?(.*(?:\n[ \t]*\/\/ {3,}.*)*)/

/**
 * The module that runs an example, line for line: the imports that it leaves to the reader on the
 * first line, and a call of `expectValue` for each assertion.
 *
 * @param scope  the names that need no import
 * @param expectation  the specifier of the module that exports `expectValue` and `expectLog`
 * @throws when an assertion is where none can be checked
 */
export function toModule(example: Example, scope: ReadonlyMap<string, Origin>, expectation: string): string {
  const { file, code } = example
  const source = ts.createSourceFile('example.ts', code, ts.ScriptTarget.Latest, true)
  const insertions = new Map<number, string>()
  const insert = (at: number, text: string) => insertions.set(at, (insertions.get(at) ?? '') + text)
  const asserted = new Set<number>()

  const assert = (statement: ts.Statement): void => {
    const match = ASSERTION.exec(code.slice(statement.end))
    if (match === null) return
    const line = source.getLineAndCharacterOfPosition(statement.end).line + 1
    const text = match[1]!.replaceAll(/\n[ \t]*\/\/ +/g, ' ')
    const rest = `, ${JSON.stringify(text)}, ${JSON.stringify(`${file}:${line}`)});`
    if (ts.isExpressionStatement(statement)) {
      const { expression } = statement
      const isLog = ts.isCallExpression(expression) && expression.expression.getText() === 'console.log'
      const logged = isLog && expression.arguments.length > 0 ? expression.arguments : undefined
      const [start, end] = logged ? [logged[0]!.getStart(), logged.at(-1)!.end] : [expression.getStart(), expression.end]
      insert(expression.getStart(), `;await ${logged ? '__expectLog' : '__expectValue'}(async () => [`)
      if (logged) insertions.set(-expression.getStart(), '') // keeps the order of edits; see `apply`
      return finish(start, end, expression, rest, match.index)
    }
    if (ts.isVariableStatement(statement) && declaredNames(statement).length === 1) {
      insert(statement.end, `;await __expectValue(async () => [${declaredNames(statement)[0]}]${rest}`)
      asserted.add(statement.end)
    }
  }
  void assert
  void asserted
  void insert
  void scope
  void expectation
  return finish as never
}
