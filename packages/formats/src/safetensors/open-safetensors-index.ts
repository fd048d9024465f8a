import { FormatError } from '@tersor/core-tensor'
import { decodeUtf8 } from '../decode-utf8.ts'
import { findTensor } from '../find-tensor.ts'
import { jsonObject, parseJson } from '../parse-json.ts'
import { quoted } from '../quoted.ts'
import { parseSource, type Source, type SourceOptions } from '../random-access.ts'
import { missingBeside } from '../sources/missing-beside.ts'
import { siblingOf } from '../sources/sibling-of.ts'
import { openSafetensors, type SafetensorsFile, type SafetensorsInfo } from './open-safetensors.ts'

const WHERE = 'formats/safetensors-index'

/** About a million tensors. */
const MAX_INDEX_BYTES = 100_000_000

/** The largest published models have a few hundred; each is an open file. */
const MAX_SHARDS = 4096

/** index → weight_map or metadata, and some room in metadata. */
const MAX_INDEX_DEPTH = 16

export interface OpenSafetensorsIndexOptions extends SourceOptions {
  /** Finds a shard by its name. Default: the file of that name beside the index, where that is a path or URL. */
  open?: ((shard: string) => Source | Promise<Source>) | undefined
}

/**
 * Opens a model in several safetensors files by its `model.safetensors.index.json`, as if it were
 * one file. The headers of all shards are read and checked, tensors only when asked for.
 *
 * `metadata` is that of the index, its numbers and booleans as text; tensors are in the order of the index.
 *
 * @throws {FormatError} when a shard, or a tensor in its shard, is missing, or a shard's name leads out of the folder
 * @example
 * const shard = encodeSafetensors([['w', new Tensor('float32', [1, 2], [2])]])
 * const index = new TextEncoder().encode('{"weight_map":{"w":"model-00001-of-00001.safetensors"}}')
 * const file = await openSafetensorsIndex(index, { open: () => shard })
 * const w = await file.read('w')
 * w.data // => Float32Array [1, 2]
 */
export async function openSafetensorsIndex(
  from: Source,
  options: OpenSafetensorsIndexOptions = {},
): Promise<SafetensorsFile> {
  const { weightMap, metadata } = await readIndex(from, options)
  const openShard = options.open ?? siblingOf(from, options, WHERE)
  const shards = new Map<string, SafetensorsFile>()
  const close = async () => void (await Promise.all([...shards.values()].map(shard => shard.close())))
  const tensors = new Map<string, SafetensorsInfo>()
  try {
    for (const [name, shardName] of weightMap) {
      let shard = shards.get(shardName)
      if (shard === undefined) {
        shard = await openSafetensors(await find(openShard, shardName), options).catch(
          missingBeside(WHERE, `the shard ${quoted(shardName)} beside the index`),
        )
        shards.set(shardName, shard)
      }
      tensors.set(name, findTensor(shard.tensors, name, `${WHERE} ${quoted(shardName)}`))
    }
  } catch (error) {
    await close()
    throw error
  }
  const shardOf = (name: string) => {
    findTensor(tensors, name, WHERE)
    return shards.get(weightMap.get(name)!)!
  }
  return {
    tensors,
    metadata,
    read: async (name, options) => shardOf(name).read(name, options),
    readBytes: async (name, options) => shardOf(name).readBytes(name, options),
    close,
  }
}

async function readIndex(from: Source, options: SourceOptions) {
  const bytes = await parseSource(from, options, async source => {
    if (source.byteLength > MAX_INDEX_BYTES) {
      throw new FormatError(
        `[${WHERE}] expected an index of at most ${MAX_INDEX_BYTES} bytes, got ${source.byteLength}`,
      )
    }
    const whole = await source.read(0, source.byteLength)
    await source.close()
    return whole
  })
  const index = jsonObject(
    parseJson(decodeUtf8(bytes, WHERE), { maxDepth: MAX_INDEX_DEPTH, where: WHERE }),
    'the index',
    WHERE,
  )
  const weightMap = new Map<string, string>()
  const names = new Set<string>()
  for (const [name, shard] of Object.entries(jsonObject(index.weight_map, "'weight_map'", WHERE))) {
    const path = typeof shard === 'string' ? pathWithin(shard) : undefined
    if (path === undefined) {
      throw new FormatError(
        `[${WHERE}] expected the name of a file in the folder of the index for ${quoted(name)}, got ${quoted(String(shard))}`,
      )
    }
    weightMap.set(name, path)
    if (names.add(path).size > MAX_SHARDS)
      throw new FormatError(`[${WHERE}] expected at most ${MAX_SHARDS} shards`)
  }
  const metadata = new Map<string, string>()
  for (const [key, value] of Object.entries(jsonObject(index.metadata ?? {}, "'metadata'", WHERE))) {
    metadata.set(key, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return { weightMap, metadata }
}

/**
 * The name of a file in the folder of the index or below it, without steps that stay where they are; undefined for what
 * leaves it, and for what a system or a URL would read as something else: a drive, a query, an escape.
 */
function pathWithin(name: string): string | undefined {
  const steps = name.split('/').filter(step => step !== '.')
  const fits = steps.length > 0 && steps.every(step => /^[^\\:?#%\0]+$/.test(step) && step !== '..')
  return fits ? steps.join('/') : undefined
}

async function find(open: (shard: string) => Source | Promise<Source>, name: string): Promise<Source> {
  return open(name)
}
