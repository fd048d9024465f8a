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

/** A quarter of its parameters, which learnt from it: a folder like that of {@link tinyLm}. */
export const tinyLmMini: URL = /* @__PURE__ */ new URL('../mini/', import.meta.url)

/** A mixture of four experts of its size class, two for each token: a folder like that of {@link tinyLm}. */
export const tinyLmMoe: URL = /* @__PURE__ */ new URL('../moe/', import.meta.url)
