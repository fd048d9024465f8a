/**
 * Where the model lies: a folder with `config.json`, `model.safetensors` in bfloat16, `tokenizer.json` and
 * `tokenizer_config.json`, as `loadModel` and every reader of Hugging Face folders take it.
 *
 * ```ts no-run
 * import { fileURLToPath } from 'node:url'
 * const model = await loadModel(fileURLToPath(tinyLm))
 * ```
 */
export const tinyLm: URL = /* @__PURE__ */ new URL('../model/', import.meta.url)
