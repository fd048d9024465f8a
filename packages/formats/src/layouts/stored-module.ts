import { FormatError, numbersOf, type Tensor, toFloat32 } from '@tersor/core-tensor'
import type { SafetensorsFile, SafetensorsInfo } from '../safetensors/open-safetensors.ts'

/** The tensors of a file that belong to one module of a network, by what their names end with. */
export class StoredModule {
  readonly #file: SafetensorsFile
  /** `model.layers.0.self_attn.q_proj` */
  readonly name: string
  /** The layout that reads it, for errors. */
  readonly where: string
  /** The shape of the weight as the model has it, where that is known. */
  readonly dims: readonly number[] | undefined

  constructor(
    file: SafetensorsFile,
    { name, layout, dims }: { name: string; layout: string; dims?: readonly number[] | undefined },
  ) {
    this.#file = file
    this.name = name
    this.where = `formats/${layout}`
    this.dims = dims
  }

  has(ending: string): boolean {
    return this.#file.tensors.has(this.name + ending)
  }

  /** The endings of its tensors that begin so. */
  endings(start: string): string[] {
    const from = this.name + start
    return [...this.#file.tensors.keys()]
      .filter(name => name.startsWith(from))
      .map(name => name.slice(this.name.length))
  }

  /** Of those endings, the ones that are there. */
  present(endings: readonly string[]): string[] {
    return endings.filter(ending => this.has(ending))
  }

  /** @throws {FormatError} when there is no such tensor */
  info(ending: string): SafetensorsInfo {
    const found = this.#file.tensors.get(this.name + ending)
    if (found === undefined) throw this.malformed(`expected a tensor '${ending}'`)
    return found
  }

  /** Dims of a tensor of two axes. */
  matrix(ending: string): readonly [rows: number, columns: number] {
    const { dims } = this.info(ending)
    if (dims.length !== 2) throw this.malformed(`expected '${ending}' to be a matrix, got [${dims}]`)
    return dims as [number, number]
  }

  /** @throws {FormatError} when the tensor has another dtype than all of these */
  requireDtype(ending: string, ...dtypes: readonly string[]): void {
    const { dtype } = this.info(ending)
    if (!dtypes.includes(dtype))
      throw this.malformed(`expected '${ending}' of ${dtypes.join(' or ')}, got ${dtype}`)
  }

  read(ending: string): Promise<Tensor> {
    return this.#file.read(this.name + ending)
  }

  /**
   * The bytes of a tensor, of any dtype, in memory of their own.
   *
   * @param rows  of all its axes but the last together
   */
  async bytes(
    ending: string,
    rows?: readonly [start: number, end: number],
  ): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.#file.readBytes(this.name + ending, { rows, flat: rows !== undefined }))
  }

  /** A tensor's numbers, integers too, as float32. */
  async floats(ending: string): Promise<Float32Array> {
    const tensor = await this.read(ending)
    return tensor.type.includes('float') ? toFloat32(tensor) : Float32Array.from(numbersOf(tensor))
  }

  /** The number in a tensor of one element. */
  async number(ending: string): Promise<number> {
    const floats = await this.floats(ending)
    if (floats.length !== 1) throw this.malformed(`expected one number in '${ending}', got ${floats.length}`)
    return floats[0]!
  }

  /** A tensor of bytes as text. */
  async text(ending: string): Promise<string> {
    return new TextDecoder().decode(await this.bytes(ending))
  }

  malformed(problem: string): FormatError {
    return new FormatError(
      `[${this.where}] ${problem}, for '${this.name}'; the file is not whole, or its configuration belongs to another`,
    )
  }
}
