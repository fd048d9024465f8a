/** Loops of WebAssembly that do nothing but what is to be measured, on vectors of 128 bits. */
export interface WasmLimits {
  readonly memory: WebAssembly.Memory
  /** Loads all of the memory; returns some of what the bytes have in common. */
  read(): number
  /** {@link OPERATIONS} operations of float32 each time; returns the bits of a result. */
  multiplyAdd(times: number): number
}

/** Memory is read in so many places at once, each of so many bytes: one place alone leaves a fifth of the bandwidth unused. */
const PLACES = 8
const RUN = 65536

/** Enough that neither waits for the other's result, few enough for sixteen registers. */
const MULTIPLY_ADD_CHAINS = 12
/** Multiplications and additions of a turn of the loop. */
export const OPERATIONS = 2 * 4 * MULTIPLY_ADD_CHAINS

/** @param bytes  of memory to read from, filled so that all of its pages are there */
export function wasmLimits(bytes: number): WasmLimits {
  const tiles = Math.ceil(bytes / (PLACES * RUN))
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(tiles * PLACES)))
  const { memory, read, multiplyAdd } = exports as unknown as {
    memory: WebAssembly.Memory
    read(end: number, start: number): number
    multiplyAdd(end: number, start: number): number
  }
  new Uint8Array(memory.buffer).fill(1)
  return {
    memory,
    read() {
      let seen = 0
      for (let tile = 0; tile < tiles; tile++) {
        const start = tile * PLACES * RUN
        seen |= read(start + RUN, start)
      }
      return seen
    },
    multiplyAdd: times => multiplyAdd(times, 0),
  }
}

const I32 = 0x7f
const V128 = 0x7b
const localGet = (i: number) => [0x20, i]
const localSet = (i: number) => [0x21, i]
const localTee = (i: number) => [0x22, i]
const i32Const = (value: number) => [0x41, ...signed(value)]
const I32_ADD = 0x6a
const I32_LT_U = 0x49
const vector = (...code: number[]) => [0xfd, ...code]
const OR = vector(0x50)
const MULTIPLY = vector(0xe6, 0x01)
const ADD = vector(0xe4, 0x01)
const FIRST_LANE = vector(0x1b, 0)

function moduleBytes(pages: number): Uint8Array<ArrayBuffer> {
  const name = (text: string) => [text.length, ...Buffer.from(text)]
  const section = (id: number, ...items: number[][]) => {
    const body = [...unsigned(items.length), ...items.flat()]
    return [id, ...unsigned(body.length), ...body]
  }
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, 2, I32, I32, 1, I32]),
    ...section(3, [0], [0]),
    ...section(5, [0, ...unsigned(pages)]),
    ...section(7, [...name('memory'), 2, 0], [...name('read'), 0, 0], [...name('multiplyAdd'), 0, 1]),
    ...section(10, readLoop(), multiplyAddLoop()),
  ])
}

function readLoop(): number[] {
  // Locals: 0 the end of the first run, 1 the address, then what was seen in each place.
  const places = range(PLACES).map(i => 2 + i)
  const load = (offset: number) => vector(0x00, 0, ...unsigned(offset))
  return loop(
    places,
    [],
    places.flatMap((place, i) => [
      ...[...localGet(place), ...localGet(1), ...load(RUN * i)],
      ...[...OR, ...localSet(place)],
    ]),
    16,
  )
}

function multiplyAddLoop(): number[] {
  // Locals: 0 the times, 1 those done, then the chains, a factor and a term.
  const chains = range(MULTIPLY_ADD_CHAINS).map(i => 2 + i)
  const [factor, term] = [2 + MULTIPLY_ADD_CHAINS, 3 + MULTIPLY_ADD_CHAINS]
  const constant = (value: number) => vector(0x0c, ...new Uint8Array(new Float32Array(4).fill(value).buffer))
  return loop(
    chains,
    [...constant(0.5), ...localSet(factor), ...constant(1), ...localSet(term)],
    chains.flatMap(chain => [
      ...[...localGet(chain), ...localGet(factor), ...MULTIPLY],
      ...[...localGet(term), ...ADD, ...localSet(chain)],
    ]),
    1,
  )
}

/** Locals behind the vectors of a loop. */
const CONSTANTS = 2

/** A function that repeats `body` until local 1 has come, step by step, to local 0, and returns what the vectors hold. */
function loop(vectors: number[], before: number[], body: number[], step: number): number[] {
  const code = [
    ...[1, vectors.length + CONSTANTS, V128],
    ...before,
    ...[0x03, 0x40],
    ...body,
    ...[...localGet(1), ...i32Const(step), I32_ADD, ...localTee(1), ...localGet(0), I32_LT_U],
    ...[0x0d, 0, 0x0b],
    ...vectors.flatMap((local, i) => [...localGet(local), ...(i === 0 ? [] : OR)]),
    ...FIRST_LANE,
    0x0b,
  ]
  return [...unsigned(code.length), ...code]
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

/** LEB128 */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0))
    value >>>= 7
  } while (value > 0)
  return bytes
}

/** LEB128 of a number that is not negative: one bit is for the sign. */
function signed(value: number): number[] {
  const bytes = unsigned(value)
  return (bytes.at(-1)! & 64) === 0 ? bytes : [...bytes.slice(0, -1), bytes.at(-1)! | 128, 0]
}
