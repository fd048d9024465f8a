import {
  DeviceError,
  type DType,
  dtypeBits,
  narrowFloats,
  type Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import type { Card } from './card.ts'
import { type Commands, PARAMETER_BYTES } from './commands.ts'
import type { GpuMemory } from './gpu-memory.ts'
import { conversions, isNative, loaded, narrowFloatCode, scalarOf } from './wgsl/dtypes.ts'

/** A number that a kernel reads as `p.<name>`: a whole one, a float, or up to eight whole ones. */
export type Parameter = number | { readonly f32: number } | readonly number[]

/** What a kernel runs: WGSL between the declarations that its tensors and parameters make. */
export interface Shader {
  /** Threads of a group; 64 by default. */
  size?: number | undefined
  globals?: string | undefined
  /** Statements with `group` and `thread` (within the group), the same for all threads of a group until they say otherwise. */
  main: string
}

/** One kernel with its operands. */
export interface Program {
  readonly name: string
  /** Whatever else changes the code, beside the dtypes and which tensors there are. */
  readonly variant?: string | undefined
  /** Read as `name(i)`. */
  readonly inputs: Readonly<Record<string, Tensor | undefined>>
  /** Read as `name(i)` too, and written with `set_name(i, value)` where the dtype has 32 bits. */
  readonly outputs: Readonly<Record<string, Tensor | undefined>>
  /** Outputs are arrays of `atomic<u32>`, called `name_data`. */
  readonly atomic?: boolean | undefined
  readonly params: Readonly<Record<string, Parameter>>
  readonly groups: number
  /** Called once for each variant. */
  code(card: Card): Shader
}

/** A bound tensor, or a copy of one. */
interface Operand {
  readonly name: string
  readonly type: DType
  readonly written: boolean
  readonly buffer: GPUBuffer
  /** Elements before the first. */
  readonly at: number
}

interface Compiled {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

const COMPUTE = 0x4
const WORDS = PARAMETER_BYTES / 4

/** Compiles kernels, once for each set of dtypes and variants, and records them. */
export class Programs {
  readonly #gpu: GPUDevice
  readonly #card: Card
  readonly #commands: Commands
  readonly #take: (byteLength: number) => GPUBuffer
  readonly #give: (buffer: GPUBuffer) => void
  readonly #compiled = new Map<string, Compiled>()
  readonly #words = new Uint32Array(WORDS)
  readonly #floats = new Float32Array(this.#words.buffer)

  constructor(
    gpu: GPUDevice,
    card: Card,
    commands: Commands,
    take: (byteLength: number) => GPUBuffer,
    give: (buffer: GPUBuffer) => void,
  ) {
    this.#gpu = gpu
    this.#card = card
    this.#commands = commands
    this.#take = take
    this.#give = give
  }

  run(program: Program): void {
    if (program.groups === 0) return
    const copies: GPUBuffer[] = []
    const outputs = operandsOf(program.name, program.outputs, true)
    const inputs = operandsOf(program.name, program.inputs, false).map(operand => {
      // A buffer that is written cannot be bound for reading as well.
      if (!outputs.some(({ buffer }) => buffer === operand.buffer)) return operand
      const copy = this.#copyOf(operand, program.inputs[operand.name]!)
      copies.push(copy.buffer)
      return copy
    })
    const operands = [...inputs, ...outputs]
    const { pipeline, layout } = this.#compile(program, operands)
    const entries = operands.map(({ buffer }, i) => ({ binding: i + 1, resource: { buffer } }))
    const bindings = this.#gpu.createBindGroup({
      layout,
      entries: [{ binding: 0, resource: this.#commands.uniforms }, ...entries],
    })
    this.#commands.dispatch(pipeline, bindings, this.#pack(program, operands), program.groups)
    for (const copy of copies) this.#give(copy)
  }

  /** The words that hold an operand, in a buffer of their own. */
  #copyOf(operand: Operand, { byteOffset, byteLength }: Tensor): Operand {
    const first = byteOffset - (byteOffset % 4)
    const words = Math.ceil((byteOffset + byteLength - first) / 4) * 4
    const buffer = this.#take(words)
    this.#commands.copy(operand.buffer, first, buffer, 0, words)
    return { ...operand, buffer, at: operand.at - (first * 8) / dtypeBits[operand.type] }
  }

  #compile(program: Program, operands: readonly Operand[]): Compiled {
    const key = `${program.name}|${program.variant ?? ''}|${operands.map(({ name, type }) => `${name}:${type}`).join()}`
    const known = this.#compiled.get(key)
    if (known !== undefined) return known
    const layout = this.#gpu.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } },
        ...operands.map(({ written }, i) => ({
          binding: i + 1,
          visibility: COMPUTE,
          buffer: { type: written ? ('storage' as const) : ('read-only-storage' as const) },
        })),
      ],
    })
    const module = this.#gpu.createShaderModule({ label: key, code: sourceOf(program, operands, this.#card) })
    const pipeline = this.#gpu.createComputePipeline({
      label: key,
      layout: this.#gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    })
    const compiled = { pipeline, layout }
    this.#compiled.set(key, compiled)
    return compiled
  }

  /** Parameters in the order of `structOf`. */
  #pack({ name, params, groups }: Program, operands: readonly Operand[]): Uint32Array {
    let at = 0
    for (const value of Object.values(params)) {
      if (!Array.isArray(value)) continue
      for (let i = 0; i < 8; i++) this.#words[at++] = value[i] ?? 0
    }
    for (const value of Object.values(params)) {
      if (typeof value === 'number') this.#words[at++] = value
      else if ('f32' in value) this.#floats[at++] = value.f32
    }
    for (const operand of operands) this.#words[at++] = operand.at
    this.#words[at++] = groups
    this.#words[at++] = 0
    if (at > WORDS)
      throw new DeviceError(`[${name}] expected at most ${WORDS} words of parameters, got ${at}`)
    return this.#words.subarray(0, at)
  }
}

function operandsOf(
  where: string,
  tensors: Readonly<Record<string, Tensor | undefined>>,
  written: boolean,
): Operand[] {
  const operands: Operand[] = []
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor === undefined) continue
    const { type, memory, byteOffset } = tensor
    if (dtypeBits[type] > 32) {
      throw new UnsupportedError(
        `[${where}] webgpu computes in at most 32 bits, got ${type}; cast it to float32 or int32 on a host device first`,
      )
    }
    operands.push({
      name,
      type,
      written,
      buffer: (memory as GpuMemory).buffer,
      at: (byteOffset * 8) / dtypeBits[type],
    })
  }
  return operands
}

function sourceOf(program: Program, operands: readonly Operand[], card: Card): string {
  const { size = 64, globals = '', main } = program.code(card)
  const narrow = Object.keys(narrowFloats) as (keyof typeof narrowFloats)[]
  const declarations = operands
    .map((operand, i) => declarationOf(operand, i, program.atomic === true))
    .join('')
  const body = `${declarations}${globals}${main}`
  const subgroups = body.includes('subgroup')
  const halves = card.float16 && body.includes('_float16(')
  return /* wgsl */ `
${subgroups ? 'enable subgroups;' : ''}
${halves ? 'enable f16;' : ''}
${subgroups ? 'var<private> subgroup_lanes: u32;' : ''}
struct Parameters {
${structOf(program, operands)}
}
@group(0) @binding(0) var<uniform> p: Parameters;
${narrow
  .filter(type => body.includes(`_${type}(`))
  .map(type => narrowFloatCode(type, card))
  .join('')}
${conversions}
// A rounded result: no driver can fuse across what it does not know to be zero.
fn rounded(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) | p.zero); }
${declarations}
${globals}
@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group_id: vec3<u32>,
  @builtin(num_workgroups) group_count: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
  ${subgroups ? '@builtin(subgroup_size) lanes_of_subgroup: u32,' : ''}
) {
  ${subgroups ? 'subgroup_lanes = lanes_of_subgroup;' : ''}
  let group = group_id.y * group_count.x + group_id.x;
  if (group >= p.groups) { return; }
  ${main}
}
`
}

function declarationOf({ name, type, written }: Operand, i: number, atomic: boolean): string {
  if (written && atomic)
    return `@group(0) @binding(${i + 1}) var<storage, read_write> ${name}_data: array<atomic<u32>>;\n`
  const scalar = scalarOf(type)
  const held = isNative(type) ? scalar : 'u32'
  const declaration = `@group(0) @binding(${i + 1}) var<storage, ${written ? 'read_write' : 'read'}> ${name}_data: array<${held}>;
fn ${name}(i: u32) -> ${scalar} { let at = p.${name}_at + i; return ${loaded(type, `${name}_data`, 'at')}; }
`
  return written && isNative(type)
    ? `${declaration}fn set_${name}(i: u32, value: ${scalar}) { ${name}_data[p.${name}_at + i] = value; }\n`
    : declaration
}

/** Lists first: they are aligned to 16 bytes. */
function structOf({ params }: Program, operands: readonly Operand[]): string {
  const entries = Object.entries(params)
  const lists = entries.filter(([, value]) => Array.isArray(value))
  const numbers = entries.filter(([, value]) => !Array.isArray(value))
  return [
    ...lists.map(([name]) => `  ${name}: array<vec4<u32>, 2>,`),
    ...numbers.map(([name, value]) => `  ${name}: ${typeof value === 'number' ? 'u32' : 'f32'},`),
    ...operands.map(({ name }) => `  ${name}_at: u32,`),
    '  groups: u32,',
    '  zero: u32,',
  ].join('\n')
}
