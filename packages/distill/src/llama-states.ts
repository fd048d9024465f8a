import { type Device, type Rotations, ShapeError, Tensor } from '@tersor/core-tensor'
import { binary, gather, matmul, rmsNorm } from '@tersor/core-tensor/reference'
import { type DecoderConfig, EMBEDDING, FINAL_NORM, HEAD, weightShapes } from '@tersor/models'
import { blockRoles, networkRoles } from './block-roles.ts'
import { type ExpertRouting, type ExpertTensors, expertsForward } from './experts-forward.ts'
import { type LlamaShape, llamaShape, requireTrainable } from './llama-shape.ts'
import { rotateHeads, rotationsOf } from './rotate-heads.ts'
import { segmentAttention } from './segment-attention.ts'
import { swiglu } from './swiglu.ts'
import type { TrainingRows } from './training-window.ts'

/** What a block keeps from its forward pass; norms and the product of gate and up are computed again. */
export interface Kept {
  /** (rows, d) what entered */
  x: Tensor
  /** (rows, heads · headDim), rotated */
  q: Tensor
  /** (rows, kvHeads · headDim), rotated */
  k: Tensor
  /** (rows, kvHeads · headDim) */
  v: Tensor
  /** (rows, heads · headDim) */
  o: Tensor
  /** (rows, d) after attention */
  y: Tensor
  /** (rows, hidden); with experts (rows · perToken, hidden), expert by expert */
  gate: Tensor
  /** likewise */
  up: Tensor
  /** With experts. */
  routing?: ExpertRouting | undefined
}

/** A model in one pass over some rows. */
export interface Pass {
  shape: LlamaShape
  weight(name: string): Tensor
  rows: TrainingRows
  rotations: Rotations
}

/**
 * The logits of a Llama over packed windows, and the hidden states on the way, without a cache: what
 * a teacher says about the rows that a student learns from.
 *
 * @returns logits (rows, vocabulary); hidden: (rows, d) what enters each block, then the final norm
 * @throws {ShapeError} when a weight or a token does not fit
 * @throws {UnsupportedError} for a model of another family
 */
export function llamaStates(
  config: DecoderConfig,
  weights: ReadonlyMap<string, Tensor>,
  rows: TrainingRows,
): { logits: Tensor; hidden: readonly Tensor[] } {
  const { device, ...model } = passOver(config, weights, rows)
  const { layers, epsilon, rope, tied } = model.shape
  return device.scope(() => {
    const pass = { ...model, rotations: rotationsOf(rope, rows.length, model.weight(EMBEDDING)) }
    const tokens = device.upload(new Tensor('int32', rows.tokens, [rows.tokens.length]))
    const hidden = [gather(pass.weight(EMBEDDING), tokens, { axis: 0 })]
    for (let layer = 0; layer < layers; layer++) {
      hidden.push(device.scope(() => blockForward(layer, hidden[layer]!, pass).z))
    }
    const h = rmsNorm(hidden[layers]!, pass.weight(FINAL_NORM), { epsilon })
    return { logits: project(h, pass.weight(tied ? EMBEDDING : HEAD)), hidden }
  })
}

/** One block forward: what it keeps, and z (rows, d), what leaves it. */
export function blockForward(layer: number, x: Tensor, pass: Pass): Kept & { z: Tensor } {
  const { shape, weight, rows, rotations } = pass
  const names = blockRoles(layer)
  const { epsilon, expertsPerToken: perToken } = shape
  const h = rmsNorm(x, weight(names.attentionNorm), { epsilon })
  const q = rotateHeads(project(h, weight(names.query)), rotations)
  const k = rotateHeads(project(h, weight(names.key)), rotations)
  const v = project(h, weight(names.value))
  const o = segmentAttention(q, k, v, { ...shape, borders: rows.borders })
  const y = binary('add', x, project(o, weight(names.output)))
  const h2 = rmsNorm(y, weight(names.feedForwardNorm), { epsilon })
  if (perToken !== undefined) {
    const { y: said, ...mixture } = expertsForward(h2, expertTensors(layer, shape, weight), { perToken })
    return { x, q, k, v, o, y, ...mixture, z: binary('add', y, said) }
  }
  const gate = project(h2, weight(names.gate))
  const up = project(h2, weight(names.up))
  const z = binary('add', y, project(swiglu(gate, up), weight(names.down)))
  return { x, q, k, v, o, y, gate, up, z }
}

/** The weights of a block's experts, or whatever else has their names. */
export function expertTensors(
  layer: number,
  shape: LlamaShape,
  tensor: (name: string) => Tensor,
): ExpertTensors {
  return {
    router: tensor(blockRoles(layer).router),
    experts: networkRoles(layer, shape).map(({ gate, up, down }) => ({
      gate: tensor(gate),
      up: tensor(up),
      down: tensor(down),
    })),
  }
}

/** x·Wᵀ */
export function project(x: Tensor, weight: Tensor): Tensor {
  return matmul(x, weight, { transposeB: true })
}

/**
 * A pass of a model over some rows.
 *
 * @throws {ShapeError} when a weight or a token does not fit
 * @throws {UnsupportedError} for a model of another family
 */
export function passOver(
  config: DecoderConfig,
  weights: ReadonlyMap<string, Tensor>,
  rows: TrainingRows,
): Omit<Pass, 'rotations'> & { device: Device } {
  const shape = llamaShape(config)
  requireTrainable(config, weights)
  for (const [name, dims] of weightShapes(config)) {
    const weight = weights.get(name)
    if (!(weight instanceof Tensor) || weight.dims.join() !== dims.join()) {
      throw new ShapeError(
        `[distill/llama] expected a tensor '${name}' [${dims}], got ${
          weight === undefined ? 'none' : `[${weight.dims}]`
        }; decode compressed weights first`,
      )
    }
  }
  if (rows.length > config.contextLength) {
    throw new ShapeError(
      `[distill/llama] expected windows of at most ${config.contextLength} tokens, got ${rows.length}`,
    )
  }
  const stray = rows.tokens.find(token => token < 0 || token >= config.vocabSize)
  if (stray !== undefined) {
    throw new ShapeError(`[distill/llama] expected tokens from 0 to ${config.vocabSize - 1}, got ${stray}`)
  }
  return {
    device: weights.get(EMBEDDING)!.device,
    shape,
    weight: name => weights.get(name)!,
    rows,
  }
}
