/**
 * A built-in module of Node (or Deno, or Bun), or undefined in browsers. It is no import, which
 * bundlers for browsers would follow, and refuse.
 *
 * @param name  with its prefix, such as `node:path`
 * @example
 * nodeModule<typeof import('node:path')>('node:path')?.basename('models/tiny.gguf') // => 'tiny.gguf'
 */
export function nodeModule<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => T | undefined } }
  return process?.getBuiltinModule?.(name)
}
