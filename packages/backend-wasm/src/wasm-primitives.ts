import { DeviceError, type Tensor } from '@tersor/core-tensor'
import { type PrimitiveName, type Primitives, viewBytes } from '@tersor/core-tensor/host'
import type { Arena } from './arena.ts'
import type { Arenas } from './arenas.ts'
import { packedBytes } from './packed-bytes.ts'
import { primitives } from './primitive-table.ts'
import { WasmMemory } from './wasm-memory.ts'
import { LostWorkerError, type WorkerPool } from './worker-pool.ts'

/** Less work than this runs on the calling thread: workers take microseconds to wake. */
const WORTH_THREADS = 250_000

/** An operand in the memory where the kernels run. */
interface Placed {
  readonly address: number
  /** What a copy is to be written back to. */
  readonly tensor?: Tensor | undefined
  readonly byteLength?: number | undefined
}

/** Calls kernels with the addresses of tensors, on one thread or several. */
export class WasmPrimitives implements Primitives {
  readonly packedBytes = packedBytes
  readonly #arenas: Arenas
  readonly #pool: WorkerPool | undefined
  readonly #onLost: (reason: Error) => void
  readonly #names: readonly string[]

  /** @param names  of the kernels, as the pool knows them */
  constructor(
    arenas: Arenas,
    pool: WorkerPool | undefined,
    names: readonly string[],
    onLost: (reason: Error) => void,
  ) {
    this.#arenas = arenas
    this.#pool = pool
    this.#names = names
    this.#onLost = onLost
  }

  has(name: PrimitiveName): boolean {
    return this.#names.includes(name)
  }

  run(
    name: PrimitiveName,
    outputs: readonly (Tensor | undefined)[],
    inputs: readonly (Tensor | undefined)[],
    scalars: readonly number[],
  ): void {
    this.#arenas.requireOpen()
    const operands = [...outputs, ...inputs]
    const arena = this.#arenaOf(name, operands)
    const kernel = arena.exports[name]
    if (kernel === undefined)
      throw new DeviceError(`[${name}] this device was made without the group that has it`)
    const { scratch, work } = primitives[name]
    const parts = work(scalars) < WORTH_THREADS ? 1 : this.#participants()
    if (!arena.reserve(scratch?.(scalars) ?? 0, parts)) throw noRoom(name)

    const placed = place(name, arena, operands)
    const numbers = [...placed.map(({ address }) => address), ...scalars]
    try {
      if (parts === 1) kernel(...numbers, 0, 1)
      else {
        const index = this.#arenas.all.indexOf(arena)
        this.#pool!.run(index, this.#names.indexOf(name), kernel, numbers, parts)
      }
      for (const { address, tensor, byteLength } of placed.slice(0, outputs.length)) {
        if (tensor !== undefined) viewBytes(tensor.data).set(arena.bytes(address, byteLength!))
      }
    } catch (error) {
      if (error instanceof LostWorkerError) this.#onLost(error)
      throw error
    } finally {
      const copies = new Map(placed.filter(({ tensor }) => tensor !== undefined).map(p => [p.address, p]))
      for (const { address, byteLength } of copies.values()) arena.free(address, byteLength!)
    }
  }

  /** The memory of the largest operand. */
  #arenaOf(name: string, operands: readonly (Tensor | undefined)[]): Arena {
    let largest: Tensor | undefined
    for (const tensor of operands) {
      if (tensor === undefined) continue
      if (!this.#arenas.all.includes(memoryOf(name, tensor).arena)) throw foreign(name, 'another one')
      if (largest === undefined || tensor.byteLength > largest.byteLength) largest = tensor
    }
    return largest === undefined ? this.#arenas.all[0]! : memoryOf(name, largest).arena
  }

  /** This thread and the workers that are up; the first call that could use workers has them made. */
  #participants(): number {
    if (this.#pool === undefined) return 1
    void this.#pool.start()
    return 1 + this.#pool.ready
  }
}

function memoryOf(name: string, { memory }: Tensor): WasmMemory {
  if (memory instanceof WasmMemory) return memory
  throw foreign(name, memory.device.name)
}

function foreign(name: string, device: string): DeviceError {
  return new DeviceError(
    `[${name}] expected tensors on this wasm device, got one on ${device}; use \`await tensor.to(device)\``,
  )
}

/** Addresses of operands, those of other memories copied; operands that lie at one place stay at one place. */
function place(name: string, arena: Arena, operands: readonly (Tensor | undefined)[]): Placed[] {
  const copies: { memory: WasmMemory; byteOffset: number; byteLength: number; placed: Placed }[] = []
  return operands.map(tensor => {
    if (tensor === undefined) return { address: 0 }
    const memory = memoryOf(name, tensor)
    const { byteOffset, byteLength } = tensor
    const own = memory.address + byteOffset
    if (memory.arena === arena) return { address: own }
    const known = copies.find(
      copy => copy.memory === memory && copy.byteOffset === byteOffset && copy.byteLength === byteLength,
    )
    if (known !== undefined) return known.placed
    const address = arena.allocate(byteLength, { zeros: false })
    if (address === undefined) {
      for (const copy of copies) arena.free(copy.placed.address, copy.byteLength)
      throw noRoom(name)
    }
    arena.bytes(address, byteLength).set(viewBytes(tensor.data))
    const placed = { address, tensor, byteLength }
    copies.push({ memory, byteOffset, byteLength, placed })
    return placed
  })
}

function noRoom(name: string): DeviceError {
  return new DeviceError(
    `[${name}] out of memory: expected room for what the kernel needs beside its operands, got none; dispose of tensors`,
  )
}
