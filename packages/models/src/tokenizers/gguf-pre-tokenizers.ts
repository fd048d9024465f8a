import { UnsupportedError } from '@tersor/core-tensor'
import { type Normalizer, unicodeForm } from './normalizers/normalizer.ts'
import { byteLevel } from './pre-tokenizers/byte-level.ts'
import { digits } from './pre-tokenizers/digits.ts'
import { type PreTokenizer, preTokenizerSequence } from './pre-tokenizers/pre-tokenizer.ts'
import { split } from './pre-tokenizers/split.ts'
import { punctuation } from './pre-tokenizers/words.ts'
import { regularExpression } from './regular-expression.ts'

/** How a family cuts text, which a GGUF file only names. */
export interface GgufPreTokenizer {
  readonly preTokenize: PreTokenizer
  readonly normalize?: Normalizer | undefined
  /** A piece that the vocabulary has as a whole is one token. */
  readonly ignoreMerges?: boolean | undefined
  /** Texts begin with the beginning token where the file does not say. */
  readonly addsBos?: boolean | undefined
  /** Special tokens at the beginning of a text, in place of the beginning token. */
  readonly begin?: readonly string[] | undefined
}

interface Family extends Omit<GgufPreTokenizer, 'preTokenize' | 'normalize'> {
  readonly names: readonly string[]
  readonly cut: () => PreTokenizer
  /** Names whose tokenizers bring text into the Unicode form NFC. */
  readonly composed?: readonly string[] | undefined
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'

/** Words of one capital and small letters, or of capitals: what GPT-4o and Tekken have in common. */
const capitalised = (ending: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${ending}|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${ending}`

const words = (numbers: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`

const gpt4o = `${capitalised(`${CONTRACTIONS}?`)}|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`

const deepseekWords =
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|' +
  SPACES

const han = '[一-龥ࠀ-一가-퟿]+'
const bloomWords = ' ?[^(\\s|[.,!?…。，、।۔،])]+'

/** Cuts at the matches of each pattern in turn, then spells bytes. */
const cutting =
  (...patterns: readonly string[]) =>
  () =>
    preTokenizerSequence([
      ...patterns.map(pattern => split(regularExpression(pattern), 'isolated')),
      byteLevel({ words: false }),
    ])

const gpt2 = () => byteLevel()

const digitsThenGpt2 = () => preTokenizerSequence([digits(true), byteLevel()])

const FAMILIES: readonly Family[] = [
  {
    names: [
      'llama-bpe',
      'llama3',
      'llama-v3',
      'falcon3',
      'falcon-h1',
      'pixtral',
      'midm-2.0',
      'lfm2',
      'jina-v5-nano',
    ],
    cut: cutting(words('\\p{N}{1,3}')),
    ignoreMerges: true,
    addsBos: true,
  },
  { names: ['smaug-bpe'], cut: cutting(words('\\p{N}{1,3}')), ignoreMerges: true },
  { names: ['dbrx', 'exaone4'], cut: cutting(words('\\p{N}{1,3}')), composed: ['exaone4'] },
  {
    names: ['glm4', 'chatglm-bpe'],
    cut: cutting(words('\\p{N}{1,3}')),
    begin: ['[gMASK]', '<sop>'],
  },
  {
    names: [
      'qwen2',
      'deepseek-r1-qwen',
      'stablelm2',
      'hunyuan',
      'megrez',
      'grok-2',
      'solar-open',
      'kormo',
      'f2llmv2',
    ],
    cut: cutting(words('\\p{N}')),
    composed: ['qwen2', 'deepseek-r1-qwen', 'stablelm2', 'megrez', 'f2llmv2'],
  },
  {
    names: ['qwen35'],
    cut: cutting(
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${SPACES}`,
    ),
    composed: ['qwen35'],
  },
  {
    names: ['gpt-4o', 'llama4', 'kanana2', 'minimax-m2'],
    cut: cutting(gpt4o),
  },
  {
    names: ['tekken'],
    cut: cutting(`${capitalised('')}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`),
    ignoreMerges: true,
    addsBos: true,
  },
  { names: ['tiny_aya'], cut: cutting('\\d{1,3}(?=(?:\\d{3})*\\b)', gpt4o) },
  {
    names: [
      'gpt-2',
      'phi-2',
      'mpt',
      'olmo',
      'modern-bert',
      'jais',
      'trillion',
      'granite-docling',
      'gigachat',
      'mellum',
      'a.x-4.0',
    ],
    cut: gpt2,
    composed: ['mpt', 'olmo', 'modern-bert'],
  },
  {
    names: ['jina-v1-en', 'jina-v2-code', 'roberta-bpe', 'jina-es', 'jina-de', 'jina-v2-es', 'jina-v2-de'],
    cut: gpt2,
  },
  {
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'],
    cut: digitsThenGpt2,
    composed: ['command-r', 'exaone'],
  },
  {
    names: ['falcon'],
    cut: () =>
      preTokenizerSequence([
        punctuation('contiguous'),
        byteLevel(),
        digits(false),
        split(/[0-9][0-9][0-9]/g, 'isolated'),
      ]),
  },
  {
    names: ['deepseek-llm'],
    cut: cutting(
      '[\\r\\n]',
      // Letters that have a case, without those of Georgian.
      '\\s?[[\\p{Lu}\\p{Ll}\\p{Lt}]&&[^ა-ჿ]]+',
      '\\s?[!-/:-~！-／：-～‘-‟　-。]+',
      '\\s+$',
      han,
      '\\p{N}',
    ),
  },
  { names: ['deepseek-coder'], cut: cutting('[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', han, '\\p{N}') },
  {
    names: ['deepseek-v3', 'hunyuan-dense', 'joyai-llm'],
    cut: cutting('\\p{N}{1,3}', '[一-龥\\u3040-ゟ゠-ヿ]+', deepseekWords),
  },
  { names: ['bloom', 'poro-chat', 'gpt3-finnish'], cut: cutting(bloomWords) },
  { names: ['viking'], cut: cutting(bloomWords, '\\p{N}') },
  { names: ['superbpe'], cut: cutting('\\p{N}+', '(?=(?:\\d{3})+(?!\\d))') },
  {
    names: ['bailingmoe', 'bailingmoe2', 'llada-moe'],
    cut: cutting(
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
    ),
  },
  {
    names: ['seed-coder'],
    cut: cutting(
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${SPACES}`,
    ),
  },
  {
    names: ['kimi-k2'],
    cut: cutting(
      `\\p{Han}+|[^\\r\\n\\p{L}\\p{N}]?[${UPPER}&&[^\\p{Han}]]*[${LOWER}&&[^\\p{Han}]]+${CONTRACTIONS}?|` +
        `[^\\r\\n\\p{L}\\p{N}]?[${UPPER}&&[^\\p{Han}]]+[${LOWER}&&[^\\p{Han}]]*${CONTRACTIONS}?|` +
        `\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`,
    ),
  },
  {
    // What files had before they named their pre-tokenizer.
    names: ['default'],
    cut: cutting(
      '[\\p{P}$+<=>^~|]+',
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
      '\\p{N}+',
      '[0-9][0-9][0-9]',
    ),
  },
]

/**
 * How text is cut for a name in `tokenizer.ggml.pre`, as the reference implementations of its models do it.
 *
 * @throws {UnsupportedError} for a name that is not known: a guess would be wrong without a word
 */
export function ggufPreTokenizer(name: string): GgufPreTokenizer {
  const family = FAMILIES.find(({ names }) => names.includes(name))
  if (family === undefined)
    throw new UnsupportedError(
      `[models/tokenizer] expected a known pre-tokenizer in tokenizer.ggml.pre, got '${String(name).slice(0, 60)}'; pass the model's tokenizer.json`,
    )
  const { cut, composed = [], ignoreMerges, addsBos, begin } = family
  const normalize = composed.includes(name) ? unicodeForm('NFC') : undefined
  return { preTokenize: cut(), normalize, ignoreMerges, addsBos, begin }
}
