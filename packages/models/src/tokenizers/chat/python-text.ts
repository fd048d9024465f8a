/** A value of the interpreter. */
interface Value {
  readonly type: string
  readonly value: unknown
}

/** How Python writes a list or a mapping as text: `{'city': 'Bonn', 'days': [1, 2], 'sunny': True}`. */
export function pythonText({ type, value }: Value): string {
  if (type === 'NullValue') return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return `[${value.map(pythonText).join(', ')}]`
  if (value instanceof Map)
    return `{${Array.from(value, ([key, each]) => `${quoted(String(key))}: ${pythonText(each)}`).join(', ')}}`
  return String(value)
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text.replace(/[\\\n\r\t]/g, character => escapes[character]!)
  return quote + (quote === "'" ? inner.replaceAll("'", "\\'") : inner) + quote
}
