// A recipe of three kinds of methods on a real model: planned, stopped half way, gone on with, verified and scored.

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createJob, type Recipe, sampleWindows, type TensorOutcome } from '@tersor/compress'
import { sizeOf } from '@tersor/core-tensor'
import { evaluate, recordLogits } from '@tersor/eval'
import { loadModel, openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { tinyLmMini } from '@tersor/tiny-lm'

const recipe: Recipe = {
  name: 'tokens in 8 bits, attention in NF4, the rest in 3 bits, calibrated',
  rules: [
    { match: 'embedding.tokens', use: [{ method: 'rtn', bits: 8 }] },
    { match: '*.before', use: [] }, // what no step compresses is stored in float16
    { match: '*.attention.*', use: [{ method: 'nf4' }] },
    {
      match: '*.feedForward.*',
      use: [
        { method: 'gptq', bits: 3 },
        { method: 'quant-ease', sweeps: 4 },
      ],
    },
    { match: 'norm', use: [] },
  ],
}

const folder = await mkdtemp(join(tmpdir(), 'tersor-'))
const source = await openModel(tinyLmMini)
try {
  const model = await loadModel(source)
  const draw = (seed: number) => sampleWindows(model, { tokens: 2048, seed, bos: 1, windowLength: 128 })
  const calibration = await draw(1) // text of the model's own …
  const windows = (await draw(2)).map(tokens => ({ tokens, from: 1 })) // … and other text to judge by

  const target = join(folder, 'small.safetensors')
  const job = createJob({ source, target, recipe, methods: quantizeMethods, calibration })

  const plan = await job.plan()
  const needs = `at most ${plan.bytes} bytes of weights, ${plan.needed} free on the disk, ${plan.peak} in memory`
  console.log(`${recipe.name}\n\nplanned: ${needs}`)

  const stop = new AbortController()
  const stopped = job.run({
    signal: stop.signal,
    onProgress(done, total) {
      if (done > total / 2) stop.abort(new Error('stopped half way', { cause: done }))
    },
  })
  await stopped.catch((error: Error) => console.log(`${error.message}: ${error.cause} tensors are done`))
  console.log(`there is ${(await readdir(folder)).join(', ')}`)

  const result = await job.run()
  console.log(`\ngone on with ${result.resumed} of ${result.tensors.length} tensors; there is now`)
  for (const name of await readdir(folder)) console.log(`  ${name}`)

  console.log()
  line('tensors', 'outcome', 'bytes', 'bits/weight')
  const labels = new Set(result.tensors.map(outcomeOf))
  for (const label of labels) {
    const tensors = result.tensors.filter(tensor => outcomeOf(tensor) === label)
    const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0)
    const elements = tensors.reduce((sum, { dims }) => sum + sizeOf(dims), 0)
    line(String(tensors.length), label, String(bytes), ((8 * bytes) / elements).toFixed(3))
  }

  const { ok } = await job.verify()
  const against = await recordLogits(model, windows)
  const before = await evaluate(against, windows)
  const after = await evaluate(await loadModel(target), windows, { against })
  console.log(`\nverified: ${ok ? 'every tensor has its SHA-256' : 'damaged'}`)
  console.log(
    `${source.fileBytes} bytes became ${result.fileBytes}, ${result.bitsPerWeight.toFixed(2)} bits a weight`,
  )
  const { mean, standardError } = after.divergence!.kl
  console.log(
    `perplexity ${before.perplexity.toFixed(3)} became ${after.perplexity.toFixed(3)}, KL ${mean.toFixed(4)} ± ${standardError.toFixed(4)} nats`,
  )
} finally {
  await source.close()
  await rm(folder, { recursive: true })
}

function outcomeOf(tensor: TensorOutcome): string {
  return tensor.outcome === 'compressed'
    ? tensor.steps.join(', then ')
    : `${tensor.outcome}: ${tensor.reason}`
}

function line(count: string, outcome: string, ...cells: string[]) {
  console.log(count.padStart(7), ' ', outcome.padEnd(64), ...cells.map(cell => cell.padStart(12)))
}
