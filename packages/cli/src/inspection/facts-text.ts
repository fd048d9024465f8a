import { columns } from '../command/help-text.ts'
import { bytesText } from '../terminal/table.ts'
import type { GraphFacts, ValueFacts } from './graph-facts.ts'
import type { MixerRun } from './mixer-runs.ts'
import type { ModelFacts } from './model-facts.ts'

const formats = {
  safetensors: 'safetensors',
  gguf: 'GGUF',
  onnx: 'ONNX',
  npz: "NumPy's npz",
  llama2c: 'llama2.c',
} as const

const tokenizers = {
  bytePair: 'byte-pair encoding',
  unigram: 'unigram pieces',
  wordPiece: 'WordPiece',
  wordLevel: 'whole words',
} as const

/** What a file is, as a whole, for people. */
export function factsText(facts: ModelFacts): string {
  const { architecture, makes, parameters, graph, context, vocabulary, hiddenSize, mixers } = facts
  const rows: [string, string][] = [
    [
      'family',
      architecture === null
        ? 'not known'
        : `${architecture}${makes === 'embeddings' ? ', an encoder: it makes vectors, and no text' : ''}`,
    ],
    ['parameters', countText(parameters)],
    ['stored', storedText(facts)],
  ]
  if (graph !== null) rows.push(...graphRows(graph))
  if (context !== null) {
    rows.push(['size', `${context} tokens of context, ${vocabulary} in the vocabulary, ${hiddenSize} wide`])
    rows.push(['layers', mixers.map(mixerText).join('\n')])
  }
  rows.push(['tokenizer', tokenizerText(facts)], ['memory', memoryText(facts)])
  return columns(rows)
}

/** 134.5 million */
function countText(count: number): string {
  if (count < 1e6) return String(count)
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} million` : `${(count / 1e9).toFixed(2)} billion`
}

function storedText({ layout: { format, files, types } }: ModelFacts): string {
  const rows = types.map(
    ({ type, weights, bitsPerWeight, bytes }) =>
      `${weights} × ${type} of ${bitsPerWeight.toFixed(3)} bits, ${bytesText(bytes)}`,
  )
  return [`${formats[format]}, ${files === 1 ? 'one file' : `${files} files`}`, ...rows].join('\n')
}

/** How many operators are named. */
const NAMED = 6

function graphRows({ producer, opsets, nodes, operators, inputs, outputs }: GraphFacts): [string, string][] {
  const versions = opsets.map(({ domain, version }) => `${domain} ${version}`).join(', ')
  const counts = operators.slice(0, NAMED).map(({ operator, nodes }) => `${nodes} × ${operator}`)
  const more = operators.length > NAMED ? ` and ${operators.length - NAMED} other operators` : ''
  const rows: [string, string][] = [
    ['graph', `${nodes} nodes: ${counts.join(', ')}${more}\noperators of ${versions || 'no stated version'}`],
  ]
  if (producer !== '') rows.push(['written by', producer])
  for (const [title, values] of [
    ['inputs', inputs],
    ['outputs', outputs],
  ] as const)
    if (values.length > 0) rows.push([title, values.map(valueText).join('\n')])
  return rows
}

/** x: float [batch, 3, 224, ?] */
function valueText({ name, type, dims }: ValueFacts): string {
  const shape = dims === null ? '' : ` [${dims.map(dim => dim ?? '?').join(', ')}]`
  return `${name}: ${type ?? 'of no stated type'}${shape}`
}

function mixerText(run: MixerRun): string {
  const layers = `${run.layers} ${run.layers === 1 ? 'layer' : 'layers'}`
  if (run.kind === 'convolution')
    return `${layers} of convolution: ${run.channels} channels, kernel ${run.kernel}`
  if (run.kind === 'delta') {
    return `${layers} of delta net: ${run.heads} heads of ${run.valueDim}, ${run.keyHeads} of keys of ${run.keyDim}`
  }
  const { heads, kvHeads, headDim, window, sharesKeys } = run
  const keys = sharesKeys ? 'the keys of an earlier layer' : `${kvHeads} of keys and values`
  return `${layers} of attention: ${heads} heads of ${headDim}, ${keys}${window === null ? '' : `, a window of ${window}`}`
}

function tokenizerText({ tokenizer, makes }: ModelFacts): string {
  if (tokenizer === null) return 'none in the file or beside it'
  if ('problem' in tokenizer) return `not understood: ${tokenizer.problem}`
  const { kind, tokens, addsBos, chatTemplate } = tokenizer
  const held = `${kind === null ? '' : `${tokenizers[kind]}, `}${tokens} tokens`
  if (makes === 'embeddings') return held
  return `${held}, ${addsBos ? 'a' : 'no'} beginning token before texts, ${chatTemplate ? 'with' : 'without'} a chat template`
}

function memoryText({
  context,
  memory: { weights, cacheOfThousandTokens, cacheOfContext },
}: ModelFacts): string {
  const held = `${bytesText(weights)} of weights`
  if (cacheOfThousandTokens === null || cacheOfContext === null) return held
  return `${held}; ${bytesText(cacheOfThousandTokens)} of cache for 1000 tokens, ${bytesText(cacheOfContext)} for all ${context}`
}
