/** The text that an example's `// => value` is compared with; the README lists the forms. */
export function formatValue(value: unknown): string {
  if (typeof value === 'string')
    return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
  if (typeof value === 'bigint') return `${value}n`
  if (Object.is(value, -0)) return '-0'
  if (typeof value === 'function') return `[Function ${value.name}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return formatObject(value)
}

function formatObject(value: object): string {
  if (Array.isArray(value)) return list('', value.map(formatValue))
  if (value instanceof Float32Array) return list('Float32Array ', Array.from(value, shortestFloat32))
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return list(`${value.constructor.name} `, Array.from(value as unknown as ArrayLike<unknown>, formatValue))
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Map)
    return fields(
      'Map ',
      Array.from(value, ([k, v]) => `${formatValue(k)} => ${formatValue(v)}`),
    )
  if (value instanceof Set) return fields('Set ', Array.from(value, formatValue))
  if (isTensor(value)) {
    const { type, dims, data } = value
    return `Tensor ${type} ${formatValue(dims)} ${formatValue(data).replace(/^\w+ /, '')}`
  }
  if (isEncoded(value)) return `Encoded ${value.encoding.kind} ${value.type} ${formatValue(value.dims)}`
  const prototype = Object.getPrototypeOf(value)
  const name = prototype === null || prototype === Object.prototype ? '' : `${prototype.constructor.name} `
  return fields(
    name,
    Object.entries(value).map(([key, item]) => `${formatKey(key)}: ${formatValue(item)}`),
  )
}

interface TensorShape {
  readonly type: string
  readonly dims: readonly number[]
}

function isTensor(value: object): value is TensorShape & { readonly data: ArrayBufferView } {
  return value.constructor.name === 'Tensor' && 'dims' in value && 'type' in value
}

function isEncoded(value: object): value is TensorShape & { readonly encoding: { readonly kind: string } } {
  return 'encoding' in value && 'parts' in value && 'meta' in value && 'dims' in value
}

function list(name: string, items: readonly string[]): string {
  return `${name}[${items.join(', ')}]`
}

function fields(name: string, items: readonly string[]): string {
  return items.length === 0 ? `${name}{}` : `${name}{ ${items.join(', ')} }`
}

function formatKey(key: string): string {
  return /^[\p{L}_$][\p{L}\d_$]*$/u.test(key) ? key : formatValue(key)
}

/** The fewest digits that identify a float32. */
function shortestFloat32(x: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(x.toPrecision(digits))
    if (Math.fround(short) === x) return formatValue(short)
  }
  return formatValue(x)
}
