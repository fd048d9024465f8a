import { type Loss, type Rotations, Tensor } from '@tersor/core-tensor'
import { binary, gather, matmul, rmsNorm } from '@tersor/core-tensor/reference'
import { type DecoderConfig, EMBEDDING, FINAL_NORM, HEAD, weightShapes } from '@tersor/models'
import { attentionBackward } from './attention-backward.ts'
import { blockRoles } from './block-roles.ts'
import { crossEntropy } from './cross-entropy.ts'
import { embeddingBackward } from './embedding-backward.ts'
import { expertsBackward } from './experts-backward.ts'
import { linearBackward } from './linear-backward.ts'
import { blockForward, expertTensors, type Kept, type Pass, passOver, project } from './llama-states.ts'
import { loadBalancing } from './load-balancing.ts'
import { rmsNormBackward } from './rms-norm-backward.ts'
import { inverseRotations, rotateHeads, rotationsOf } from './rotate-heads.ts'
import { swigluBackward } from './swiglu-backward.ts'
import { type TrainingRows, type TrainingWindow, trainingRows } from './training-window.ts'

/** What is minimised: the sum of these losses. */
export interface Objective {
  /** Of the logits (rows, vocabulary); weighted cross-entropy by default. */
  logits?: ((logits: Tensor, rows: TrainingRows, total: number) => Loss) | undefined
  /**
   * Of the hidden state (rows, d) that enters block `layer`, or the final norm where `layer` is the
   * number of blocks; undefined where it is left alone.
   */
  hidden?: ((layer: number, x: Tensor, rows: TrainingRows) => Loss | undefined) | undefined
  /** How much `loadBalancing` of each mixture of experts counts; 0.01 by default. */
  balance?: number | undefined
}

export interface LlamaGradientsOptions {
  /** By weight name; added to. New ones of zeros by default. */
  gradients?: ReadonlyMap<string, Tensor> | undefined
  /** What the weighted cross-entropies are divided by: the weight of the whole batch, where it comes in parts. */
  total?: number | undefined
  objective?: Objective | undefined
}

interface BackwardPass extends Pass {
  rotationsBack: Rotations
  gradient(name: string): Tensor
}

/** With experts: how the load-balancing loss changes with the router's logits, (rows, experts). */
interface KeptAndBalanced extends Kept {
  logitGradient?: Tensor | undefined
}

/**
 * The loss of a Llama over packed windows, and its gradient with respect to every weight, by a
 * backward pass written by hand. Documents in a window do not see each other.
 *
 * For models that train: what it keeps of a block's forward pass is about
 * 4 · (3 · d + 2 · (heads + kvHeads) · headDim + 2 · hidden) bytes a token, with `expertsPerToken` times hidden
 * in a mixture of experts. The weights must be float32, or float64 throughout.
 *
 * Experts are balanced over the windows that are given together; where a batch comes in parts, a part counts by
 * its share of `total`.
 *
 * @param weights  by their roles, on a host device
 * @param windows  of one length
 * @returns the loss; the part of it that balances experts, 0 without; the gradients by weight name; the
 *   tokens that count
 * @throws {ShapeError} when a weight or a window does not fit
 * @throws {UnsupportedError} for a model of another family
 * @example
 * import { configFromHuggingFace, weightShapes } from '@tersor/models'
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16, tie_word_embeddings: true,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const { loss, gradients } = llamaGradients(config, weights, [{ tokens: Int32Array.of(1, 2, 3) }])
 * loss // => ≈ 2.77
 * gradients.size // => 11
 */
export function llamaGradients(
  config: DecoderConfig,
  weights: ReadonlyMap<string, Tensor>,
  windows: readonly TrainingWindow[],
  { gradients, total, objective = {} }: LlamaGradientsOptions = {},
): { loss: number; balance: number; gradients: ReadonlyMap<string, Tensor>; total: number } {
  const rows = trainingRows(windows)
  const { device, ...model } = passOver(config, weights, rows)
  const { layers } = model.shape
  const sums = gradients ?? zerosLike(weights, config)
  const divisor = total ?? rows.total
  const balanceWeight = divisor === 0 ? 0 : ((objective.balance ?? 0.01) * rows.total) / divisor
  const losses = device.scope(() => {
    const rotations = rotationsOf(model.shape.rope, rows.length, model.weight(EMBEDDING))
    const rotationsBack = inverseRotations(rotations)
    const pass: BackwardPass = { ...model, rotations, rotationsBack, gradient: name => sums.get(name)! }
    const tokens = device.upload(new Tensor('int32', rows.tokens, [rows.tokens.length]))
    const kept: KeptAndBalanced[] = []
    const hiddenSlopes: (Tensor | undefined)[] = []
    let sum = 0
    let balance = 0
    const observe = (layer: number, x: Tensor) => {
      const felt = objective.hidden?.(layer, x, rows)
      sum += felt?.loss ?? 0
      hiddenSlopes.push(felt?.gradient)
    }
    let x = gather(pass.weight(EMBEDDING), tokens, { axis: 0 })
    for (let layer = 0; layer < layers; layer++) {
      observe(layer, x)
      const { z, ...state } = device.scope(() => blockForward(layer, x, pass))
      const { routing } = state
      const felt = routing && loadBalancing(routing.logits, { ...routing, weight: balanceWeight })
      balance += felt?.loss ?? 0
      kept.push(felt === undefined ? state : { ...state, logitGradient: felt.gradient })
      x = z
    }
    observe(layers, x)
    let dx = device.scope(() => {
      const { loss, gradient } = headPass(x, pass, divisor, objective)
      sum += loss
      return gradient
    })
    x.dispose()
    for (let layer = layers; layer >= 0; layer--) {
      const slopes = hiddenSlopes[layer]
      if (slopes !== undefined) binary('add', dx, slopes, { out: dx })
      if (layer === 0) break
      const state = kept[layer - 1]!
      const next = device.scope(() => blockBackward(layer - 1, dx, state, pass))
      dx.dispose()
      release(state)
      dx = next
    }
    embeddingBackward(tokens, dx, { weightGradient: pass.gradient(EMBEDDING) })
    return { loss: sum + balance, balance }
  })
  return { ...losses, gradients: sums, total: rows.total }
}

/** The final norm, the head and the loss, forward and backward: the loss, and its gradient with respect to x. */
function headPass(x: Tensor, pass: BackwardPass, total: number, objective: Objective): Loss {
  const { shape, weight, gradient, rows } = pass
  const { epsilon } = shape
  const name = shape.tied ? EMBEDDING : HEAD
  const h = rmsNorm(x, weight(FINAL_NORM), { epsilon })
  const logits = project(h, weight(name))
  const felt =
    objective.logits === undefined
      ? crossEntropy(logits, rows.targets, { weights: rows.weights, total })
      : objective.logits(logits, rows, total)
  const dh = linearBackward(h, weight(name), felt.gradient, { weightGradient: gradient(name) })
  const dx = rmsNormBackward(x, weight(FINAL_NORM), dh, { epsilon, weightGradient: gradient(FINAL_NORM) })
  return { loss: felt.loss, gradient: dx }
}

function blockBackward(layer: number, dz: Tensor, kept: KeptAndBalanced, pass: BackwardPass): Tensor {
  const { shape, weight, gradient, rows, rotationsBack } = pass
  const { epsilon } = shape
  const { x, q, k, v, o, y } = kept
  const names = blockRoles(layer)
  const through = (name: string, input: Tensor, slopes: Tensor, into?: Tensor) =>
    linearBackward(input, weight(name), slopes, {
      weightGradient: gradient(name),
      out: into,
      accumulate: into !== undefined,
    })

  const h2 = rmsNorm(y, weight(names.feedForwardNorm), { epsilon })
  const dh2 = feedForwardBackward(layer, h2, dz, kept, pass)
  const dy = rmsNormBackward(y, weight(names.feedForwardNorm), dh2, {
    epsilon,
    weightGradient: gradient(names.feedForwardNorm),
    residual: dz,
  })

  const dO = through(names.output, o, dy)
  const { dq, dk, dv } = attentionBackward(dO, { q, k, v, o, ...shape, borders: rows.borders })
  rotateHeads(dq, rotationsBack)
  rotateHeads(dk, rotationsBack)
  const h = rmsNorm(x, weight(names.attentionNorm), { epsilon })
  const dh = through(names.query, h, dq)
  through(names.key, h, dk, dh)
  through(names.value, h, dv, dh)
  return rmsNormBackward(x, weight(names.attentionNorm), dh, {
    epsilon,
    weightGradient: gradient(names.attentionNorm),
    residual: dy,
  })
}

/** The gradient with respect to h (rows, d), what entered the feed-forward network or the experts. */
function feedForwardBackward(
  layer: number,
  h: Tensor,
  dz: Tensor,
  { gate, up, routing, logitGradient }: KeptAndBalanced,
  { shape, weight, gradient }: BackwardPass,
): Tensor {
  if (routing !== undefined) {
    const weights = expertTensors(layer, shape, weight)
    const gradients = expertTensors(layer, shape, gradient)
    return expertsBackward(h, dz, { weights, gradients, gate, up, routing, logitGradient })
  }
  const names = blockRoles(layer)
  const da = matmul(dz, weight(names.down))
  const { gateGradient, upGradient, value } = swigluBackward(gate, up, da)
  matmul(dz, value, { transposeA: true, out: gradient(names.down), accumulate: true })
  const dh = linearBackward(h, weight(names.gate), gateGradient, { weightGradient: gradient(names.gate) })
  const into = { weightGradient: gradient(names.up), out: dh, accumulate: true }
  return linearBackward(h, weight(names.up), upGradient, into)
}

/** Frees what a block kept. */
function release({ routing, ...tensors }: KeptAndBalanced): void {
  for (const tensor of Object.values(tensors)) tensor?.dispose()
  for (const tensor of [routing?.logits, routing?.tokens, routing?.weights]) tensor?.dispose()
}

/** Zeros for the gradients of a model's weights. */
export function zerosLike(
  weights: ReadonlyMap<string, Tensor>,
  config: DecoderConfig,
): ReadonlyMap<string, Tensor> {
  const zeros = new Map<string, Tensor>()
  for (const name of weightShapes(config).keys()) {
    const { device, type, dims } = weights.get(name)!
    zeros.set(name, device.empty(type, dims))
  }
  return zeros
}
