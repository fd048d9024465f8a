/** A metadata value with its type; an array has the type of its items before them. */
export type TypedValue =
  | readonly [type: number, value: number | bigint | boolean | string]
  | readonly [type: 9, itemType: number, items: readonly (number | string | TypedValue)[]]

export interface GgufContents {
  version?: number
  alignment?: number
  metadata?: readonly (readonly [key: string, value: TypedValue])[]
  /** `ne` is in ggml's order: columns first. */
  tensors?: readonly {
    name: string
    ne: readonly number[]
    type: number
    data: Uint8Array
    offset?: number
  }[]
}

/** A GGUF file for tests; it writes what it is told to, right or wrong. */
export function ggufBytes({
  version = 3,
  alignment = 32,
  metadata = [],
  tensors = [],
}: GgufContents): Uint8Array {
  const bytes: number[] = []
  const put = (size: number, write: (view: DataView) => void) => {
    const view = new DataView(new ArrayBuffer(size))
    write(view)
    bytes.push(...new Uint8Array(view.buffer))
  }
  const u32 = (value: number) => put(4, view => view.setUint32(0, value, true))
  const u64 = (value: number | bigint) => put(8, view => view.setBigUint64(0, BigInt(value), true))
  const text = (value: string) => {
    const encoded = new TextEncoder().encode(value)
    u64(encoded.length)
    bytes.push(...encoded)
  }
  const item = (type: number, value: unknown) => {
    if (type === 8) text(value as string)
    else if (type === 9) typed((value as TypedValue).slice(1) as unknown as [number, readonly unknown[]])
    else if (type === 6) put(4, view => view.setFloat32(0, value as number, true))
    else if (type === 12) put(8, view => view.setFloat64(0, value as number, true))
    else if (type === 11) put(8, view => view.setBigInt64(0, BigInt(value as number), true))
    else if (type === 10) u64(value as number)
    else if (type === 4 || type === 5) u32(value as number)
    else if (type === 2 || type === 3) put(2, view => view.setUint16(0, value as number, true))
    else bytes.push(Number(value) & 255)
  }
  const typed = ([itemType, items]: [number, readonly unknown[]]) => {
    u32(itemType)
    u64(items.length)
    for (const each of items) item(itemType, each)
  }
  const pad = () => {
    while (bytes.length % alignment !== 0) bytes.push(0)
  }

  bytes.push(...new TextEncoder().encode('GGUF'))
  u32(version)
  u64(tensors.length)
  u64(metadata.length)
  for (const [key, value] of metadata) {
    text(key)
    u32(value[0])
    item(value[0], value[0] === 9 ? value : value[1])
  }
  let offset = 0
  for (const tensor of tensors) {
    text(tensor.name)
    u32(tensor.ne.length)
    tensor.ne.forEach(u64)
    u32(tensor.type)
    u64(tensor.offset ?? offset)
    offset = Math.ceil((offset + tensor.data.length) / alignment) * alignment
  }
  pad()
  for (const { data } of tensors) {
    bytes.push(...data)
    pad()
  }
  return Uint8Array.from(bytes)
}
