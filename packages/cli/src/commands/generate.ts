import { ShapeError, type Tokenizer } from '@tersor/core-tensor'
import { generate, streamText } from '@tersor/decode'
import { encodeChat, loadModel } from '@tersor/models'
import { tokenizerFlag, tokenizerOf } from '../calibration.ts'
import { numberFrom, onlyPositional, wholeNumber } from '../command/arguments.ts'
import { command, type Terminal } from '../command/command.ts'
import { UsageError } from '../command/usage-error.ts'
import { deviceFlag, openDevice } from '../devices.ts'
import { checkLanguageModel } from '../language-model.ts'
import { BUNDLED } from '../model-path.ts'
import { cacheFlag, environmentHelp, openGiven } from '../model-source.ts'
import { promptText } from '../prompt-text.ts'

const MAX_TOKENS = 256

/** `tersor generate`: a model's answer, or how it goes on. */
export const generateCommand = command({
  usage: 'MODEL [--prompt TEXT]',
  summary: 'answers a prompt, or continues a text, and says how fast',
  about: `Answers a prompt with a model that was trained on conversations, and continues a text with any other. The text comes on the standard output as it is made, its speed on the standard error stream. MODEL is a path, a URL, hf:owner/name on the Hub, or ${BUNDLED} for the bundled model. ${environmentHelp}`,
  flags: () => ({
    prompt: {
      type: 'string',
      short: 'p',
      value: 'TEXT',
      help: 'what the model reads; else it is the standard input, without a last line break',
    },
    chat: {
      type: 'boolean',
      help: 'the prompt is what a user says, written as the chat template of the tokenizer does; on by default where there is one. --no-chat continues the text as it is',
    },
    system: { type: 'string', value: 'TEXT', help: 'what the system says before the user' },
    'max-tokens': {
      type: 'string',
      value: 'N',
      help: `tokens to make at most; ${MAX_TOKENS} by default`,
    },
    temperature: {
      type: 'string',
      value: 'T',
      help: 'how freely tokens are drawn; at 0, the default, the likeliest is taken',
    },
    seed: { type: 'string', value: 'N', help: 'of the draws; 0 by default' },
    tokenizer: tokenizerFlag,
    device: deviceFlag,
    cache: cacheFlag,
  }),
  async run({ values, positionals }, terminal) {
    const request = {
      model: onlyPositional(positionals, 'a model'),
      cache: values.cache,
      json: values.json,
      chat: values.chat,
      system: values.system,
      maxTokens: wholeNumber(values['max-tokens'] ?? String(MAX_TOKENS), 'max-tokens', 1, 2 ** 31),
      temperature: numberFrom(values.temperature ?? '0', 'temperature', 0, 100),
      seed: wholeNumber(values.seed ?? '0', 'seed', 0, 2 ** 31),
      tokenizer: values.tokenizer,
      device: values.device,
    }
    if (values.chat === false && values.system !== undefined)
      throw new UsageError('expected --system with a conversation, got --no-chat')
    const prompt = await promptText(values.prompt, terminal.in, terminal.signal)
    const json = values.json === true
    const answer = await answerTo(prompt, request, terminal, json ? undefined : terminal.out)
    if (json) terminal.out.write(`${JSON.stringify(answer)}\n`)
  },
})

interface Request {
  /** As it was given. */
  readonly model: string
  readonly cache: string | undefined
  readonly json: boolean | undefined
  /** Whether the prompt is a turn of a conversation; by default where the tokenizer has a template. */
  readonly chat: boolean | undefined
  readonly system: string | undefined
  readonly maxTokens: number
  readonly temperature: number
  readonly seed: number
  /** Paths and names. */
  readonly tokenizer: string | undefined
  readonly device: string | undefined
}

interface Answer {
  readonly text: string
  readonly tokens: number
  readonly promptTokens: number
  /** What ended it: a token that ends a turn or a text, or the room for tokens. */
  readonly stopped: 'end' | 'length'
  readonly secondsToLoad: number
  /** From a loaded model to its first token. */
  readonly secondsToFirstToken: number
  /** Of those after the first. */
  readonly tokensPerSecond: number
  readonly device: string
}

/** Loads the model and lets it answer; `out` gets the text as it comes. */
async function answerTo(
  prompt: string,
  request: Request,
  terminal: Terminal,
  out: Terminal['out'] | undefined,
): Promise<Answer> {
  const { err, signal } = terminal
  const begun = performance.now()
  const file = await openGiven(request.model, request, terminal)
  const device = await openDevice(request.device)
  try {
    checkLanguageModel(file)
    const tokenizer = await tokenizerOf(file, request.tokenizer)
    const tokens = promptTokens(prompt, tokenizer, request)
    const model = await loadModel(file, { device, signal })
    const loaded = performance.now()
    const times: number[] = []
    let text = ''
    async function* timed(): AsyncGenerator<number> {
      const { maxTokens, temperature, seed } = request
      const stop = tokenizer.ends
      for await (const token of generate(model, tokens, { maxTokens, temperature, seed, stop, signal })) {
        times.push(performance.now())
        yield token
      }
    }
    try {
      for await (const piece of streamText(timed(), tokenizer, { after: tokens })) {
        text += piece
        out?.write(piece)
      }
    } finally {
      // An answer that was stopped is an answer so far: what comes next begins a line.
      if (out !== undefined && text !== '' && !text.endsWith('\n')) out.write('\n')
      model.dispose()
    }
    const room = Math.min(request.maxTokens, model.config.contextLength - tokens.length)
    const answer: Answer = {
      ...{ text, tokens: times.length, promptTokens: tokens.length },
      stopped: times.length < room ? 'end' : 'length',
      secondsToLoad: (loaded - begun) / 1000,
      secondsToFirstToken: ((times[0] ?? performance.now()) - loaded) / 1000,
      tokensPerSecond: times.length < 2 ? 0 : (1000 * (times.length - 1)) / (times.at(-1)! - times[0]!),
      device: device.name,
    }
    if (out !== undefined) err.write(speedLine(answer))
    return answer
  } finally {
    device.dispose()
    await file.close()
  }
}

/** What the model reads. Nothing that a user writes becomes a special token. */
function promptTokens(prompt: string, tokenizer: Tokenizer, { chat, system }: Request): Int32Array {
  const turns = chat ?? tokenizer.chatTemplate !== undefined
  if (!turns && system !== undefined) {
    throw new UsageError('expected --system with a model that has a chat template, got one without')
  }
  if (turns) {
    const messages = [
      ...(system === undefined ? [] : [{ role: 'system', content: system }]),
      { role: 'user', content: prompt },
    ]
    return encodeChat(tokenizer, messages, { addGenerationPrompt: true, parseSpecial: false })
  }
  const begin = tokenizer.addsBos && tokenizer.bos !== undefined ? [tokenizer.bos] : []
  const tokens = Int32Array.from([...begin, ...tokenizer.encode(prompt, { parseSpecial: false })])
  if (tokens.length > 0) return tokens
  // A model without a beginning token needs something to go on from.
  const first = tokenizer.bos ?? tokenizer.eos
  if (first !== undefined) return Int32Array.of(first)
  throw new ShapeError('[cli/generate] expected a prompt of at least one token, got an empty text')
}

function speedLine(answer: Answer): string {
  const { tokens, promptTokens, stopped, secondsToLoad, secondsToFirstToken, tokensPerSecond } = answer
  const speed = tokens < 2 ? '' : `, ${tokensPerSecond.toFixed(tokensPerSecond < 100 ? 1 : 0)} tokens/s`
  const why = stopped === 'end' ? '' : '; it stopped for want of room: see --max-tokens'
  return `${tokens} tokens${speed}; first after ${secondsToFirstToken.toFixed(2)} s (${promptTokens} read), loaded in ${secondsToLoad.toFixed(2)} s on ${answer.device}${why}\n`
}
