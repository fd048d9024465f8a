import { byteLength, type Encoded, type Tensor, type Tokenizer } from '@tersor/core-tensor'
import { generate } from '@tersor/decode'
import { checkModel, Decoder, isRouter, openModel } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import { aboutDevice, createDevice } from './create-device.ts'
import type { Answer, Request } from './messages.ts'

let model: Decoder | undefined
let tokenizer: Tokenizer | undefined

const answer = (message: Answer) => self.postMessage(message)

self.addEventListener('message', async ({ data }: MessageEvent<Request>) => {
  try {
    await (data.kind === 'load' ? load(data) : write(data))
  } catch (error) {
    answer({ kind: 'problem', message: String(error) })
  }
})

async function load({ url, bits, device: name }: Request & { kind: 'load' }): Promise<void> {
  model?.dispose()
  model?.device.dispose?.()
  model = undefined
  const file = await openModel(new URL(url))
  if (file.config === undefined) throw new Error(`there is no config.json beside ${url}`)
  checkModel(file)
  tokenizer = await file.openTokenizer()

  const weights = new Map<string, Tensor | Encoded>()
  const { names } = file
  let fetchedBytes = 0
  for (const [i, name] of names.entries()) {
    const weight = await file.load(name) // one range request
    fetchedBytes += byteLength(weight)
    weights.set(name, smaller(name, weight, bits))
    answer({ kind: 'progress', done: i + 1, total: names.length, fetchedBytes })
  }
  const heldBytes = [...weights.values()].reduce((sum, weight) => sum + byteLength(weight), 0)
  const device = await createDevice(name)
  model = await new Decoder(file.config, weights).to(device)
  await file.close()
  answer({
    kind: 'loaded',
    storedBytes: file.fileBytes,
    heldBytes,
    device: aboutDevice(device),
  })
}

/** Matrices in fewer bits; vectors stay, and what many tokens depend on keeps 8 bits. */
function smaller(name: string, weight: Tensor | Encoded, bits: number): Tensor | Encoded {
  if (bits === 16 || weight.dims.length !== 2 || !('data' in weight)) return weight
  const delicate = name === 'embedding.tokens' || name === 'head' || isRouter(name)
  return rtn(weight, {
    bits: delicate ? 8 : bits,
    zero: 'float',
    range: bits < 5 ? 'mse' : 'minMax',
  })
}

async function write({ prompt, maxTokens, temperature }: Request & { kind: 'write' }): Promise<void> {
  if (model === undefined) throw new Error('load a model first')
  if (tokenizer === undefined) throw new Error('there is no tokenizer beside this model')
  const { bos, addsBos, ends } = tokenizer
  const begin = [...(addsBos ? [bos!] : []), ...tokenizer.encode(prompt)]
  const tokens: number[] = []
  const start = performance.now()
  const options = { maxTokens, temperature, seed: Date.now(), stop: ends }
  for await (const token of generate(model, Int32Array.from(begin), options)) {
    tokens.push(token)
    const text = tokenizer.decode(Int32Array.from([...begin, ...tokens]))
    answer({ kind: 'text', text, tokens: tokens.length, seconds: (performance.now() - start) / 1000 })
  }
  answer({ kind: 'done' })
}
