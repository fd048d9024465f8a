import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** Where a name can be imported from. */
export interface Origin {
  readonly specifier: string
  readonly isType: boolean
}

/**
 * The names that an example of a file may use without an import: those of the entry whose folder the
 * file is in, then of the package's other entries, then of `@tersor/core-tensor`.
 */
export function namesInScope(root: string, file: string): Map<string, Origin> {
  const names = new Map<string, Origin>()
  const [, folder] = /^packages\/([^/]+)\//.exec(file) ?? []
  const own = folder === undefined ? [] : entriesOf(join(root, 'packages', folder))
  const depth = (source: string) =>
    join(root, file).startsWith(`${dirname(source)}/`) ? dirname(source).length : 0
  own.sort((a, b) => depth(b.source) - depth(a.source))
  const core = entriesOf(join(root, 'packages', 'core-tensor')).slice(0, 1)
  for (const { specifier, source } of [...own, ...core]) {
    for (const [name, isType] of exportedNames(source)) {
      if (!names.has(name)) names.set(name, { specifier, isType })
    }
  }
  return names
}

function entriesOf(directory: string): { specifier: string; source: string }[] {
  const { name, exports } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  return Object.entries<Record<string, string> | string>(exports).flatMap(([path, target]) =>
    // What a pattern stands for, the main entry exports too.
    typeof target === 'string' || path.includes('*')
      ? []
      : [{ specifier: name + path.slice(1), source: join(directory, target['@tersor/source']!) }],
  )
}

/** What a module exports by name, and whether it is a type only. */
function exportedNames(file: string): Map<string, boolean> {
  const names = new Map<string, boolean>()
  if (!existsSync(file)) return names
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause, isTypeOnly, moduleSpecifier } = statement
      if (exportClause === undefined) {
        const from = join(dirname(file), (moduleSpecifier as ts.StringLiteral).text)
        for (const [name, isType] of exportedNames(from)) names.set(name, isType || isTypeOnly)
      } else if (ts.isNamedExports(exportClause)) {
        for (const element of exportClause.elements)
          names.set(element.name.text, isTypeOnly || element.isTypeOnly)
      } else {
        names.set(exportClause.name.text, isTypeOnly)
      }
    } else if (ts.canHaveModifiers(statement) && isExported(statement)) {
      const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
      for (const name of declaredNames(statement)) names.set(name, isType)
    }
  }
  return names
}

function isExported(statement: ts.Statement & ts.HasModifiers): boolean {
  return ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
}

/** The names that a statement declares or imports at its own level. */
export function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name))
  }
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {}
    const named =
      namedBindings === undefined
        ? []
        : ts.isNamespaceImport(namedBindings)
          ? [namedBindings]
          : namedBindings.elements
    return [...(name === undefined ? [] : [name.text]), ...named.map(element => element.name.text)]
  }
  const { name } = statement as { name?: ts.Node }
  return name !== undefined && ts.isIdentifier(name) ? [name.text] : []
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text]
  return name.elements.flatMap(element => (ts.isOmittedExpression(element) ? [] : boundNames(element.name)))
}
