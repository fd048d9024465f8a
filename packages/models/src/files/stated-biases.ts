import { biasOf } from '../decoder/roles.ts'

/** Keys of config.json that say that some layers have biases, with roles that have one then. */
const STATED: readonly (readonly [key: string, ...roles: readonly string[]])[] = [
  ['attention_bias', 'attention.query'],
  ['use_qkv_bias', 'attention.query'],
  ['qkv_bias', 'attention.query'],
  ['attention_out_bias', 'attention.output'],
  ['mlp_bias', 'feedForward.up'],
  ['use_mlp_bias', 'feedForward.up'],
  ['bias', 'attention.query', 'feedForward.up'],
  ['use_bias', 'attention.query', 'feedForward.up'],
  ['enable_bias', 'attention.query', 'feedForward.up'],
  ['conv_bias', 'convolution.input'],
  ['lm_head_bias', 'head'],
]

/**
 * Whether a configuration says that a bias is there. The weights say what is there, but a file that lacks what it promises
 * is incomplete.
 *
 * @param json  of the language model
 * @param bias  a role such as `layers.3.attention.query.bias`
 */
export function isStatedBias(json: Readonly<Record<string, unknown>>, bias: string): boolean {
  const role = bias.replace(/^layers\.\d+\./, '')
  return STATED.some(([key, ...roles]) => json[key] === true && roles.some(each => biasOf(each) === role))
}
