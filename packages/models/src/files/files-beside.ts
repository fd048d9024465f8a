import type { SourceOptions } from '@tersor/formats'
import type { DecoderConfig } from '../decoder/config.ts'
import { tokenizerBeside } from '../tokenizers/open-tokenizer.ts'
import { companionsBeside } from './companions.ts'
import type { ModelFile } from './model-file.ts'
import type { Place } from './model-files.ts'

/** What lies beside the weights: the tokenizer, and whatever travels with a model. */
export function filesBeside(
  path: Place,
  config: DecoderConfig | undefined,
  options: SourceOptions,
): Pick<ModelFile, 'companions' | 'openTokenizer'> {
  return {
    companions: () => companionsBeside(path, config, options),
    openTokenizer: () => tokenizerBeside(path, config?.vocabSize, options),
  }
}
