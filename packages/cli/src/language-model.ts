import { UnsupportedError } from '@tersor/core-tensor'
import { checkModel, type ModelFile } from '@tersor/models'

/**
 * Throws unless a file holds a model that is understood and that predicts tokens.
 *
 * @throws {UnsupportedError} for encoders, and whatever `checkModel` refuses
 */
export function checkLanguageModel(file: ModelFile): void {
  checkModel(file)
  const { config } = file
  if (config === undefined || config.head !== undefined) return
  throw new UnsupportedError(
    `[cli/model] expected a model that predicts tokens, got an encoder (${config.architecture}); encoders can be inspected and compressed`,
  )
}
