import { join } from 'node:path'
import ts from 'typescript'

/**
 * What the compiler says about the modules of examples, with the options of the workspace but for unused names.
 *
 * @param modules  the paths of modules, and the files that their lines come from
 */
export function typeCheck(root: string, modules: ReadonlyMap<string, string>): string[] {
  const files = [...modules.keys()]
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root)
  const relaxed = { ...options, noUnusedLocals: false, noUnusedParameters: false }
  const host = { ...ts.createCompilerHost(relaxed), getCurrentDirectory: () => root }
  const program = ts.createProgram(files, relaxed, host)
  return files.flatMap(file => {
    const source = program.getSourceFile(file)!
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      diagnostic => {
        const line = source.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line + 1
        return `${modules.get(file)}:${line} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`
      },
    )
  })
}
