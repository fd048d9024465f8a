/** A format that holds models and is not read here, and how to come to one that is. */
export interface ForeignFormat {
  /** What a file of it is. */
  readonly what: string
  /** What to do with it; lines of Python where that is how. */
  readonly remedy: string
}

/** So many bytes of a file tell what it is: its magic, and of JSON its first keys. */
export const START_BYTES = 2 ** 12

/** What cannot be told by its first bytes, by how it is called. */
const BY_NAME: readonly (readonly [RegExp, (name: string) => ForeignFormat])[] = [
  [/\.(pt|pth|ckpt|pkl|pickle)$|(^|\/)(pytorch_model|adapter_model)[^/]*\.bin$/, pickled],
  [/\.(h5|hdf5|keras)$/, keras],
  [/\.tflite$/, tfLite],
  [/\.pb$/, tensorFlow],
  [/\.msgpack$/, flax],
  [/\.ml(model|package)$/, coreMl],
  [/(^|-)shard\d+(of\d+)?(\.bin)?$|weights_manifest\.json$/, tensorFlowJs],
]

/** gzip, bzip2, zstd, xz, 7z. */
const PACKED = ['\x1f\x8b', 'BZh', '\x28\xb5\x2f\xfd', '\xfd7zXZ', '7z\xbc\xaf']

/** The names of weights in formats that are not read here; others are told by what they hold. */
export function hasForeignName(name: string): boolean {
  return /(^|\/)model\.json$/i.test(name) || BY_NAME.some(([pattern]) => pattern.test(name.toLowerCase()))
}

/**
 * What a file is where it is nothing that Tersor reads: by its first bytes, and by its name where they do not say.
 *
 * @param start  its first {@link START_BYTES}, or all of it
 * @param name  its path, or the end of it
 * @returns undefined where it is not known
 */
export function foreignFormat(start: Uint8Array, name: string): ForeignFormat | undefined {
  // One character per byte, so that magics are compared as text.
  const text = String.fromCharCode(...start.subarray(0, START_BYTES))
  const trimmed = text.replace(/^(\xef\xbb\xbf|\s)+/, '')
  if (text.startsWith('PK\x03\x04')) return zipped(text, name)
  // The protocols of pickle, 2 to 5.
  if (startsWithAny(text, '\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05')) return pickled(name)
  if (text.startsWith('\x89HDF\r\n\x1a\n')) return keras(name)
  if (text.slice(4, 8) === 'TFL3') return tfLite(name)
  if (startsWithAny(text, 'lmgg', 'fmgg', 'tjgg', 'algg')) return olderGgml()
  if (text.startsWith('version https://git-lfs')) {
    const remedy = 'fetch the file that it stands for with `git lfs pull`'
    return { what: 'a pointer of git-lfs and not the file itself', remedy }
  }
  if (/^<(!doctype html|html)/i.test(trimmed)) {
    const remedy = 'download the file itself, with a token where the server asks for one'
    return { what: 'a web page', remedy }
  }
  if (startsWithAny(text, ...PACKED) || text.slice(257, 262) === 'ustar')
    return { what: 'a packed archive', remedy: 'unpack it, and open what is in it' }
  if (
    /^[{[]/.test(trimmed) &&
    /"(modelTopology|weightsManifest)"|"format": *"(graph|layers)-model"/.test(text)
  )
    return tensorFlowJs()
  return BY_NAME.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1](name)
}

function startsWithAny(text: string, ...starts: readonly string[]): boolean {
  return starts.some(start => text.startsWith(start))
}

/** What a zip archive holds stands in its first entry. */
function zipped(text: string, name: string): ForeignFormat {
  const length = text.charCodeAt(26) | (text.charCodeAt(27) << 8) || text.length
  const first = text.slice(30, 30 + length)
  if (/data\.pkl|constants\.pkl|\.format_version|byteorder/.test(first)) return pickled(name)
  if (/^(metadata\.json|config\.json|model\.weights\.h5)/.test(first)) return keras(name)
  const named = BY_NAME.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1](name)
  return named ?? { what: 'a zip archive', remedy: 'unpack it, and open what is in it' }
}

/** The last part of a path, in quotes of Python. */
function inPython(name: string): string {
  return JSON.stringify(name.split(/[/\\]/).at(-1))
}

function pickled(name: string): ForeignFormat {
  return {
    what: "PyTorch's pickled weights",
    remedy:
      'convert them to safetensors first, in Python: ' +
      `\`import torch; from safetensors.torch import save_file; w = torch.load(${inPython(name)}, map_location="cpu", weights_only=True); ` +
      'save_file({k: v.clone().contiguous() for k, v in w.items()}, "model.safetensors")`',
  }
}

function keras(name: string): ForeignFormat {
  return {
    what: 'a Keras model',
    remedy:
      'save its weights as NumPy arrays, in Python: ' +
      `\`import keras, numpy; numpy.savez("model.npz", **{w.path: w.numpy() for w in keras.saving.load_model(${inPython(name)}).weights})\``,
  }
}

function tfLite(name: string): ForeignFormat {
  return {
    what: 'a TensorFlow Lite model',
    remedy: `convert it to ONNX: \`python -m tf2onnx.convert --tflite ${inPython(name)} --output model.onnx\``,
  }
}

function tensorFlow(name: string): ForeignFormat {
  return {
    what: 'a TensorFlow graph',
    remedy:
      'convert it to ONNX: `python -m tf2onnx.convert --saved-model . --output model.onnx`, ' +
      `or with --graphdef ${inPython(name)} where it is a frozen graph`,
  }
}

function tensorFlowJs(): ForeignFormat {
  return {
    what: "TensorFlow.js's weights",
    remedy:
      'convert them back: `tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras model.json model.h5`, ' +
      'or to ONNX with tfjs-to-tf and tf2onnx where it is a graph',
  }
}

function flax(name: string): ForeignFormat {
  return {
    what: "Flax's msgpack weights",
    remedy:
      'save them as safetensors, in Python: ' +
      '`from flax.serialization import msgpack_restore; from flax.traverse_util import flatten_dict; from safetensors.numpy import save_file; ' +
      `save_file(flatten_dict(msgpack_restore(open(${inPython(name)}, "rb").read()), sep="."), "model.safetensors")\``,
  }
}

function coreMl(): ForeignFormat {
  return {
    what: 'a Core ML model',
    remedy: 'take the model that it was made from, as Core ML does not convert back',
  }
}

function olderGgml(): ForeignFormat {
  return {
    what: "weights in one of ggml's formats before GGUF",
    remedy:
      "convert them with llama.cpp's convert_llama_ggml_to_gguf.py, or take the model that they were made from",
  }
}
