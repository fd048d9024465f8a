import { UnsupportedError } from '@tersor/core-tensor'

/** What to do with an adapter, whoever finds one. */
export const MERGE_FIRST =
  'merge it into its base model first, in Python: ' +
  '`from peft import AutoPeftModelForCausalLM; AutoPeftModelForCausalLM.from_pretrained(".").merge_and_unload().save_pretrained("merged")`'

/** Why weights cannot be run that only change those of another model; undefined for others. */
export function loraAdapter(names: readonly string[]): UnsupportedError | undefined {
  if (!names.some(name => /\.lora_(A|B|embedding_A|embedding_B)(\.|$)/.test(name))) return undefined
  return new UnsupportedError(`[models/open-model] expected a model, got a LoRA adapter; ${MERGE_FIRST}`)
}
