// What a model can still do when it is compressed: the bundled model on tasks with one right answer each.

import { fileURLToPath } from 'node:url'
import { createWasmDevice } from '@tersor/backend-wasm'
import { byteLength, decode, type Encoded } from '@tersor/core-tensor'
import { type Decoder, loadModel, openTokenizer } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import { evaluateTasks, measureOf, type TaskName, taskNames, taskPrompts } from '@tersor/tasks'
import { tinyLm } from '@tersor/tiny-lm'

const device = await createWasmDevice()
const model = await loadModel(fileURLToPath(tinyLm))
const tokenizer = await openTokenizer(fileURLToPath(new URL('tokenizer.json', tinyLm)))

// The end of a prompt of each task, with the answer that is right.
const measure = measureOf(tokenizer)
for (const name of taskNames) {
  const [first] = taskPrompts(name, { n: 1, measure })
  const { prompt, answer } = first!
  const end = prompt.length > 70 ? `… ${prompt.slice(-70)}` : prompt
  console.log(`${name.padEnd(12)} ${JSON.stringify(end)} → ${JSON.stringify(answer)}`)
}

const tasks: readonly TaskName[] = ['copy', 'sort', 'addition-3', 'entity']
const n = 25
console.log(`\nRight answers of ${n}, with 95 % intervals, and what the right answers cost in nats a token\n`)
line('model', 'KiB', ...tasks, 'nats')
await report('bfloat16', model)
for (const bits of [4, 3]) {
  const small = new Map<string, Encoded>()
  for (const [name, weight] of model.weights) {
    if (weight.dims.length === 2) small.set(name, rtn(decode(weight), { bits, groupSize: 32 }))
  }
  await report(`${bits} bits`, model.with(small))
}

async function report(name: string, llama: Decoder) {
  const bytes = [...llama.weights.values()].reduce((total, weight) => total + byteLength(weight), 0)
  const { tasks: scores, answerNats } = await evaluateTasks(
    await llama.to(device, { keep: true }),
    tokenizer,
    {
      tasks,
      n,
    },
  )
  const cells = tasks.map(task => {
    const { accuracy, low, high } = scores[task]!
    return `${percent(accuracy)} (${percent(low)}–${percent(high)})`
  })
  line(name, (bytes / 1024).toFixed(0), ...cells, answerNats.toFixed(3))
}

function percent(share: number) {
  return (100 * share).toFixed(0)
}

function line(first: string, ...cells: string[]) {
  console.log(first.padEnd(10), ...cells.map(cell => cell.padStart(14)))
}
