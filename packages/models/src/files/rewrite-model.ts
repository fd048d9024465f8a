import { FileError, type JobOptions, pace, UnsupportedError } from '@tersor/core-tensor'
import { createSafetensorsWriter, type SafetensorsWriter } from '@tersor/formats'
import type { DecoderConfig } from '../decoder/config.ts'
import type { Weight } from '../decoder/model-weights.ts'
import { checkModel } from './check-model.ts'
import { joinTensor, type TensorPart } from './join-tensor.ts'
import type { ModelFile } from './model-file.ts'
import { beside, isThere, type Place, placeOf, writeFile } from './model-files.ts'
import { tensorsOfSource } from './sources.ts'
import { placeOfName, storedName, writtenNames } from './stored-name.ts'

/** What a weight becomes; undefined leaves it as it is. */
export type Edit = (name: string, weight: Weight) => Weight | undefined | Promise<Weight | undefined>

/**
 * Writes a model as safetensors with some of its weights replaced, and carries the rest: its other weights as they are
 * stored, its configuration and its tokenizer. Tensors have Hugging Face's names and rows, whatever format they come from;
 * queries, keys and values that lie in one tensor there are one tensor again, unless one of them is compressed.
 *
 * @param file  that `openModel` opened
 * @param target  a `.safetensors` file that is not there yet
 * @param edit  called with each weight's role in turn, such as `layers.0.attention.query`
 * @throws {FileError} when the target, or a file that belongs beside it, is there already
 * @throws {TersorError} when the model is not understood as a whole, see `checkModel`
 *
 * ```ts no-run
 * const file = await openModel('model.gguf')
 * await rewriteModel(file, 'rounded/model.safetensors', (name, weight) =>
 *   name.endsWith('.down') ? rtn(weight, { bits: 4 }) : undefined,
 * )
 * ```
 */
export async function rewriteModel(
  file: ModelFile,
  target: string | URL,
  edit: Edit,
  options: JobOptions = {},
): Promise<{ fileBytes: number }> {
  checkModel(file)
  const { config } = file
  if (config === undefined)
    throw new UnsupportedError('[models/rewrite-model] expected a model with a configuration, got none')
  const place = placeOf(target)
  const companions = await companionsOf(file, place)
  const writer = await createSafetensorsWriter(target)
  try {
    const groups = tensorsToWrite(file, config)
    const step = pace(options, groups.length)
    for (const group of groups) {
      await writeGroup(file, group, edit, writer)
      await step()
    }
    const written = await writer.finish({ format: 'pt', config: file.configText! })
    for (const [name, bytes] of companions) await writeFile(beside(place, name), bytes)
    return written
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** One tensor of the target and the roles that it is made of. */
interface Group {
  readonly tensor: string
  readonly roles: string[]
  /** How many matrices lie one behind the other in it. */
  readonly experts: Set<number>
}

/** What is written, in the order of the source. */
function tensorsToWrite({ names }: ModelFile, config: DecoderConfig): readonly Group[] {
  const written = writtenNames(config)
  const groups = new Map<string, Group>()
  for (const role of names) {
    const placed = placeOfName(written, role)
    const which = role.endsWith('.bias') ? 'bias' : 'weight'
    const [tensor = role] = placed === undefined ? [] : tensorsOfSource(placed, which)
    const group = groups.get(tensor) ?? { tensor, roles: [], experts: new Set() }
    groups.set(tensor, group)
    group.roles.push(role)
    if (placed?.expert !== undefined && isStack(placed.source)) group.experts.add(placed.expert)
  }
  return [...groups.values()]
}

/** Writes one tensor, or its parts under their roles where they are no longer one. */
async function writeGroup(
  file: ModelFile,
  { tensor, roles, experts }: Group,
  edit: Edit,
  writer: SafetensorsWriter,
): Promise<void> {
  const written = writtenNames(file.config!)
  const parts: (TensorPart & { readonly role: string })[] = []
  for (const role of roles) {
    const stored = await file.load(role)
    const weight = (await edit(role, stored)) ?? stored
    const placed = placeOfName(written, role) ?? { source: { tensor: role } }
    parts.push({ role, placed, weight })
  }
  const joined = joinTensor(parts, experts.size === 0 ? undefined : experts.size)
  if (joined !== undefined) return writer.write(tensor, joined)
  for (const { role, weight } of parts) await writer.write(storedName(file.config!, role), weight)
}

function isStack(source: unknown): boolean {
  return JSON.stringify(source).includes('"expert":')
}

/** What belongs beside the target; refused where something is there already. */
async function companionsOf(file: ModelFile, place: Place): Promise<ReadonlyMap<string, Uint8Array>> {
  const companions = new Map(await file.companions())
  companions.set('config.json', new TextEncoder().encode(file.configText))
  for (const [what, at] of [
    ['the target', place] as const,
    ...[...companions.keys()].map(name => [name, beside(place, name)] as const),
  ]) {
    if (await isThere(at)) {
      throw new FileError(
        `[models/rewrite-model] expected ${what} not to be there yet, got ${at}; choose another folder`,
      )
    }
  }
  return companions
}
