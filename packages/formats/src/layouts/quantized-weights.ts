import { type Encoded, selectRows, UnsupportedError } from '@tersor/core-tensor'
import type { SafetensorsFile } from '../safetensors/open-safetensors.ts'
import type { LaidWeight, Layout } from './layout.ts'
import { layouts } from './layouts.ts'
import { quantizationConfig } from './quantization-config.ts'
import { StoredModule } from './stored-module.ts'

/** A weight that another program quantized. */
export interface QuantizedWeight {
  /** How: `gptq`, `nvfp4`, … */
  readonly layout: string
  /** (out, in) */
  readonly dims: readonly number[]
  /** The tensors of the file that it is made of. */
  readonly tensors: readonly string[]
  /** Bytes of these. */
  readonly byteLength: number
  /**
   * The weight in its own bits.
   *
   * @param rows  some of it, seen as a matrix
   * @throws {FormatError} when its tensors contradict each other
   * @throws {UnsupportedError} for a variant that is not known, by its name
   */
  load(rows?: readonly [start: number, end: number]): Promise<Encoded>
}

export interface QuantizedWeights {
  /** As the configuration says it: `gptq`, `compressed-tensors`, … */
  readonly method: string
  /** By the names that they have in a model that is not quantized: `model.layers.0.mlp.down_proj.weight`. */
  readonly weights: ReadonlyMap<string, QuantizedWeight>
  /** All tensors that these are made of, and those that are about activations. */
  readonly tensors: ReadonlySet<string>
}

export interface QuantizedWeightsOptions {
  /** What shape a weight has in the model, for the layouts that do not store it. */
  dimsOf?: ((name: string) => readonly number[] | undefined) | undefined
}

/**
 * The weights of a checkpoint that another program quantized, in any of the layouts that there are, each in its own bits: GPTQ, AWQ,
 * compressed-tensors, FP8, ModelOpt, bitsandbytes, torchao, quanto, HQQ, MLX, MXFP4, BitNet, AQLM. Nothing is read but what the
 * file's header says. Activations are not rounded, whatever the checkpoint says of them.
 *
 * @param config  the parsed `config.json` beside the file
 * @returns undefined where the configuration says nothing of quantization
 * @throws {UnsupportedError} for a method that is not known, by its name
 * @throws {FormatError} when the tensors of a weight contradict each other
 * @example
 * const numbers = {
 *   'w.weight': new Tensor('uint32', [0x76543210], [1, 1]),
 *   'w.scales': new Tensor('float32', [0.5], [1, 1]),
 *   'w.biases': new Tensor('float32', [-1], [1, 1]),
 * }
 * const file = await openSafetensors(encodeSafetensors(Object.entries(numbers)))
 * const found = quantizedWeights(file, { quantization: { bits: 4, group_size: 8 } })
 * const weight = await found?.weights.get('w.weight')?.load()
 * decode(weight!).data // => Float32Array [-1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5]
 */
export function quantizedWeights(
  file: SafetensorsFile,
  config: unknown,
  { dimsOf }: QuantizedWeightsOptions = {},
): QuantizedWeights | undefined {
  const found = quantizationConfig(config)
  if (found === undefined) return undefined
  const fitting = layouts.filter(({ methods }) => methods.includes(found.method))
  if (fitting.length === 0) {
    throw new UnsupportedError(
      `[formats/layouts] expected a way to quantize that is known, got '${found.method.slice(0, 60)}'; open the original model, or convert the checkpoint to GPTQ, AWQ or compressed-tensors`,
    )
  }
  const weights = new Map<string, QuantizedWeight>()
  const tensors = new Set<string>()
  for (const tensor of file.tensors.keys()) {
    for (const layout of fitting) {
      if (layout.beside?.some(ending => tensor.endsWith(ending))) tensors.add(tensor)
      if (!tensor.endsWith(layout.mark)) continue
      const name = tensor.slice(0, -layout.mark.length)
      const module = new StoredModule(file, { name, layout: layout.name, dims: dimsOf?.(`${name}.weight`) })
      const laid = layout.weight(module, found)
      if (laid === undefined) continue
      const weight = weightOf(file, layout, name, laid)
      weights.set(name + (laid.ending ?? '.weight'), weight)
      for (const each of weight.tensors) tensors.add(each)
    }
  }
  return { method: found.method, weights, tensors }
}

function weightOf(
  file: SafetensorsFile,
  { name: layout }: Layout,
  module: string,
  laid: LaidWeight,
): QuantizedWeight {
  const tensors = laid.parts.map(ending => module + ending)
  const byteLength = tensors.reduce((sum, name) => sum + (file.tensors.get(name)?.byteLength ?? 0), 0)
  return {
    ...{ layout, dims: laid.dims, tensors, byteLength },
    async load(rows) {
      if (rows === undefined) return laid.load()
      if (laid.loadRows !== undefined) return laid.loadRows(rows)
      return selectRows(await laid.load(), rows) as Encoded
    },
  }
}
