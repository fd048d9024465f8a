import { NumericalError, pace, ShapeError, type Tensor } from '@tersor/core-tensor'
import { Decoder, isRouter, weightShapes } from '@tersor/models'
import { type AdamWOptions, adamW } from './adam-w.ts'
import { encodeCheckpoint, restoreCheckpoint, type TrainingState } from './checkpoint.ts'
import { clipGradients } from './clip-gradients.ts'
import { denseWeights } from './dense-weights.ts'
import { floatData } from './float-data.ts'
import { llamaGradients, type Objective, zerosLike } from './llama-gradients.ts'
import { llamaShape } from './llama-shape.ts'
import { type MuonMatrix, type MuonOptions, muonAll } from './muon.ts'
import { cosine, type Schedule } from './schedules.ts'
import { trainingFlops } from './training-flops.ts'
import { type TrainingWindow, trainingRows } from './training-window.ts'
import { withRopeBase } from './with-rope-base.ts'

export interface TrainOptions {
  /**
   * The windows of a step, which count from 0. They have to depend on the number of the step alone, so
   * that a run that was stopped goes on with the same ones. Lengths may differ: a curriculum of
   * lengths is a matter of what is returned here.
   */
  data(step: number): readonly TrainingWindow[] | Promise<readonly TrainingWindow[]>
  /** Of the whole run, those before a checkpoint included. */
  steps: number
  /** What the rates of a step are multiplied by; half a cosine after 2 % of warm-up by default. */
  schedule?: Schedule | undefined
  /** For matrices within blocks, those of experts one by one; a rate of 0.02 by default. */
  muon?: Partial<MuonOptions> | undefined
  /** For all the rest; a rate of 3e-3 by default. */
  adamW?: Partial<Omit<AdamWOptions, 'step'>> | undefined
  /** Which weights Muon takes; matrices within blocks by default, but for routers. It can take matrices only. */
  useMuon?: ((name: string, dims: readonly number[]) => boolean) | undefined
  /** What the norm of all gradients is clipped to; 1 by default, Infinity for none. */
  clip?: number | undefined
  /** Tokens that go through the model together; what a step has more is accumulated. 4,096 by default. */
  batchTokens?: number | undefined
  /** What is minimised; weighted cross-entropy by default. `distillFrom` makes others. */
  objective?: Objective | undefined
  /** The base of rotary positions from a step on, for windows that grow; the model's by default. */
  ropeBase?: ((step: number) => number) | undefined
  /** Bytes that `saveCheckpoint` was given by a run of the same options. */
  resume?: Uint8Array | undefined
  /** Called every so many steps and at the end; 100 by default. */
  checkpointEvery?: number | undefined
  /** Keeps a checkpoint: write it to a temporary name and rename it, so that there is always a whole one. */
  saveCheckpoint?: ((bytes: Uint8Array, step: number) => void | Promise<void>) | undefined
  onProgress?: ((progress: TrainProgress) => void) | undefined
  /** Floating-point operations a second that the device can do, for `share`. */
  peak?: number | undefined
  /** Stops between steps: training rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** What is said after each step. */
export interface TrainProgress {
  /** Steps made. */
  readonly step: number
  readonly steps: number
  /** Of this step's windows, before it. */
  readonly loss: number
  /** The part of the loss that balances experts, where there are any; see `loadBalancing`. */
  readonly balance?: number | undefined
  /** The norm of the gradients, before clipping. */
  readonly norm: number
  /** What the rates were multiplied by. */
  readonly rate: number
  /** Tokens seen since the beginning. */
  readonly tokens: number
  /** In this step. */
  readonly tokensPerSecond: number
  /** Floating-point operations a second in this step; see `trainingFlops`. */
  readonly flops: number
  /** `flops / peak`, where a peak was given. */
  readonly share?: number | undefined
}

/**
 * Trains a model: gradients, accumulated and clipped, then Muon for the matrices within blocks and AdamW for
 * embeddings, head, norms and routers of experts. On the same device and thread count, a run that was stopped and resumed
 * ends in the same bits as one that was not.
 *
 * @param model  with float weights on a host device; it stays as it is
 * @returns the trained model, on new weights
 * @throws {UnsupportedError} for compressed weights, and for a model of another family than Llama
 * @throws {FormatError} when `resume` is of another model or other optimisers
 * @throws {NumericalError} when the loss or the gradients are no longer finite
 * @example
 * import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 16, intermediate_size: 32, vocab_size: 8, tie_word_embeddings: true,
 * })
 * const rng = new Rng(1)
 * const weights = new Map<string, Tensor>()
 * for (const [name, dims] of weightShapes(config)) {
 *   const size = dims.reduce((a, b) => a * b)
 *   const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.1 * rng.normal()))
 *   weights.set(name, new Tensor('float32', values, dims))
 * }
 * const counting = { tokens: Int32Array.from({ length: 32 }, (_, i) => i % 8) }
 * const losses: number[] = []
 * await train(new Decoder(config, weights), {
 *   steps: 20,
 *   data: () => [counting],
 *   adamW: { rate: 0.03 },
 *   onProgress: ({ loss }) => losses.push(loss),
 * })
 * losses[0]! > 1.9 && losses.at(-1)! < 0.7 // => true
 */
export async function train(model: Decoder, options: TrainOptions): Promise<Decoder> {
  const { steps, clip = 1, resume, checkpointEvery = 100, signal, saveCheckpoint } = options
  if (!Number.isInteger(steps) || steps < 1)
    throw new ShapeError(`[distill/train] expected at least one step, got ${steps}`)
  const { experts } = llamaShape(model.config)
  const schedule = options.schedule ?? cosine({ steps, warmUp: Math.floor(steps / 50) })
  const state = initialState(model, options)
  const gradients = zerosLike(state.weights, model.config)
  try {
    if (resume !== undefined) await restoreCheckpoint(resume, state)
    const turn = pace({ signal }, steps)
    while (state.step < steps) {
      const windows = await options.data(state.step)
      const started = performance.now()
      const base = options.ropeBase?.(state.step)
      const config = base === undefined ? model.config : withRopeBase(model.config, base)
      const { loss, balance } = accumulate({ config, windows, gradients, weights: state.weights }, options)
      const norm = clipGradients(gradients, { norm: clip })
      const rate = schedule(state.step)
      state.step++
      update(state, gradients, rate, options)
      for (const { tokens } of windows) state.tokens += tokens.length
      const seconds = (performance.now() - started) / 1000
      const flops = trainingFlops(config, windows) / seconds
      options.onProgress?.({
        step: state.step,
        steps,
        loss,
        balance: experts === undefined ? undefined : balance,
        norm,
        rate,
        tokens: state.tokens,
        tokensPerSecond: windows.reduce((sum, { tokens }) => sum + tokens.length, 0) / seconds,
        flops,
        share: options.peak && flops / options.peak,
      })
      if (state.step % checkpointEvery === 0 || state.step === steps)
        await saveCheckpoint?.(encodeCheckpoint(state), state.step)
      await turn()
    }
  } catch (error) {
    for (const weight of state.weights.values()) weight.dispose()
    throw error
  } finally {
    for (const gradient of gradients.values()) gradient.dispose()
    for (const slots of state.slots.values()) for (const slot of Object.values(slots)) slot.dispose()
  }
  const base = options.ropeBase?.(steps - 1)
  const config = base === undefined ? model.config : withRopeBase(model.config, base)
  return new Decoder(config, state.weights, model.device)
}

interface Batch {
  config: Decoder['config']
  windows: readonly TrainingWindow[]
  gradients: ReadonlyMap<string, Tensor>
  weights: ReadonlyMap<string, Tensor>
}

/** The loss of a step and its gradients, window by window as far as they fit together. */
function accumulate(
  { config, windows, gradients, weights }: Batch,
  options: TrainOptions,
): { loss: number; balance: number } {
  const { batchTokens = 4096, objective } = options
  for (const gradient of gradients.values()) floatData(gradient, 'distill/train').fill(0)
  const total = windows.reduce((sum, window) => sum + trainingRows([window]).total, 0)
  if (!(total > 0)) throw new ShapeError('[distill/train] expected windows with tokens to predict, got none')
  let loss = 0
  let balance = 0
  for (let from = 0; from < windows.length; ) {
    const { length } = windows[from]!.tokens
    const most = from + Math.max(1, Math.floor(batchTokens / length))
    let to = from + 1
    while (to < Math.min(most, windows.length) && windows[to]!.tokens.length === length) to++
    const felt = llamaGradients(config, weights, windows.slice(from, to), {
      gradients,
      total,
      objective,
    })
    loss += felt.loss
    balance += felt.balance
    from = to
  }
  if (!Number.isFinite(loss))
    throw new NumericalError(`[distill/train] expected a finite loss, got ${loss}; lower the rates`)
  return { loss, balance }
}

/** One step of both optimisers. */
function update(
  { weights, slots, step }: TrainingState,
  gradients: ReadonlyMap<string, Tensor>,
  factor: number,
  options: TrainOptions,
): void {
  const { rate: muonRate = 0.02, ...muonOptions } = options.muon ?? {}
  const { rate: adamRate = 3e-3, ...adamOptions } = options.adamW ?? {}
  const matrices: MuonMatrix[] = []
  for (const [name, weight] of weights) {
    const gradient = gradients.get(name)!
    const state = slots.get(name)!
    if ('momentum' in state) {
      matrices.push({ weight, gradient, momentum: (state as { momentum: Tensor }).momentum })
    } else {
      const { mean, square } = state as { mean: Tensor; square: Tensor }
      adamW(weight, gradient, { ...adamOptions, rate: factor * adamRate, step, state: { mean, square } })
    }
  }
  muonAll(matrices, { ...muonOptions, rate: factor * muonRate })
}

/** Copies of the weights, and zeros for what the optimisers remember. */
function initialState(model: Decoder, { useMuon = withinBlock }: TrainOptions): TrainingState {
  const weights = new Map<string, Tensor>()
  const slots = new Map<string, Record<string, Tensor>>()
  const given = denseWeights(model)
  for (const name of weightShapes(model.config).keys()) {
    const weight = given.get(name)!
    const zeros = () => weight.device.empty(weight.type, weight.dims)
    weights.set(name, weight.device.upload(weight))
    slots.set(name, useMuon(name, weight.dims) ? { momentum: zeros() } : { mean: zeros(), square: zeros() })
  }
  return { step: 0, tokens: 0, weights, slots }
}

function withinBlock(name: string, dims: readonly number[]): boolean {
  return dims.length === 2 && name.startsWith('layers.') && !isRouter(name)
}
