import { TersorError } from '@tersor/core-tensor'
import { configText } from '../architectures/read-config.ts'
import type { DecoderConfig } from '../decoder/config.ts'
import { weightShapes } from '../decoder/roles.ts'
import type { ModelFile } from './model-file.ts'
import { type FileTensors, ModelRoles, namesIn } from './model-roles.ts'
import { isStatedBias } from './stated-biases.ts'
import { writtenNames } from './stored-name.ts'

/** A configuration, or why it is not understood: then the file can be looked into all the same. */
export async function understood(
  read: () => DecoderConfig | Promise<DecoderConfig>,
): Promise<{ config?: DecoderConfig; refusal?: TersorError }> {
  try {
    return { config: await read() }
  } catch (error) {
    if (error instanceof TersorError) return { refusal: error }
    throw error
  }
}

type Json = Readonly<Record<string, unknown>>

type Described = Pick<
  ModelFile,
  | 'config'
  | 'refusal'
  | 'configText'
  | 'shapes'
  | 'names'
  | 'missing'
  | 'unclaimed'
  | 'elsewhere'
  | 'info'
  | 'load'
  | 'readsRows'
  | 'storedName'
>

/** The weights by their roles where the configuration is understood, else as the file has them. */
export function describeWeights(
  config: DecoderConfig | undefined,
  refusal: TersorError | undefined,
  file: FileTensors,
  { text, json }: { text?: string | undefined; json?: Json | undefined } = {},
): Described {
  if (config === undefined) {
    return {
      ...{ config, refusal, configText: text, shapes: undefined },
      ...{ names: file.names, missing: [], unclaimed: [], elsewhere: [] },
      info: name => file.info(name),
      load: (name, { rows } = {}) => file.load(name, rows),
      readsRows: name => file.readsRows(name),
      storedName: name => name,
    }
  }
  const kind = text === undefined ? 'gguf' : 'huggingFace'
  const names = { names: namesIn(config, kind, file), written: writtenNames(config) }
  const roles = new ModelRoles(config, file, names, bias => json !== undefined && isStatedBias(json, bias))
  return describeRoles(config, roles, text ?? configText(config))
}

/** The weights of a model that is understood. */
export function describeRoles(config: DecoderConfig, roles: ModelRoles, text: string): Described {
  const { names, missing, unclaimed, elsewhere } = roles
  return {
    ...{ config, refusal: undefined, configText: text, shapes: weightShapes(config) },
    ...{ names, missing, unclaimed, elsewhere },
    info: name => roles.info(name),
    load: (name, options) => roles.load(name, options),
    readsRows: name => roles.readsRows(name),
    storedName: name => roles.storedName(name),
  }
}
