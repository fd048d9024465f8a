/**
 * Where a role's weight lies in a file. A name is one without its ending: `model.norm` has its weight in
 * `model.norm.weight` and its bias, where the file has one, in `model.norm.bias`. `{layer}`, `{expert}` and
 * `{stream}` stand for numbers.
 */
export type Source =
  | string
  /** Whole names, for tensors that end otherwise. */
  | { readonly tensor: string; readonly bias?: string | undefined }
  /** Rows seen as (groups, parts, d): the parts from `from` to `to` (excluded; one part without) of every group. */
  | {
      readonly rows: Source
      readonly groups?: number | undefined
      readonly parts: number
      readonly from: number
      readonly to?: number | undefined
    }
  /** Stored (in, out). */
  | { readonly transposed: Source }
  /** One of the matrices of a stack (experts, out, in). */
  | { readonly expert: Source }
  /** Rows of each head in the order of neighbouring pairs; here they are in that of halves. */
  | { readonly interleaved: Source; readonly headDim: number }
  /** 1 is added to it in the file. */
  | { readonly minusOne: Source }
  /** −eˣ of it is meant, as files of Hugging Face have the logarithm of decays. */
  | { readonly minusExp: Source }
  /** One below the other. */
  | { readonly concat: readonly Source[] }

/** Where each role of a family lies; roles of layers without their layer, those of experts without their expert. */
export interface Names {
  readonly roles: { readonly [role: string]: Source }
  /** Tensors that are there and mean nothing to the forward pass, as patterns of whole names. */
  readonly ignored?: readonly RegExp[] | undefined
}

/** A role's source and the numbers that stand in it. */
export interface Placed {
  readonly source: Source
  readonly layer?: number | undefined
  readonly expert?: number | undefined
}

/**
 * Where a role lies: that of `layers.3.feedForward.experts.7.up` is under `feedForward.experts.up`, that of
 * `layers.3.perLayer.gate` under `layer.perLayer.gate` where the model has roles of the same beginning.
 */
export function placeOfRole({ roles }: Names, role: string): Placed | undefined {
  const [, layer, inside] = /^layers\.(\d+)\.(.+)$/.exec(role) ?? [undefined, undefined, role]
  const [, before, number, after] =
    /^(feedForward\.experts|streams\.spread|streams\.gather)\.(\d+)(.*)$/.exec(inside!) ?? []
  const name = before === undefined ? inside! : `${before}${after}`
  const source = layer === undefined ? roles[name] : (roles[`layer.${name}`] ?? roles[name])
  if (source === undefined) return undefined
  const numberOf = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits))
  return { source, layer: numberOf(layer), expert: numberOf(number) }
}

/** Which of a role's tensors is meant. */
export type Which = 'weight' | 'bias'

/** The whole name of a tensor, or undefined where a source has none of this kind. */
export function tensorName(
  source: string | { readonly tensor: string; readonly bias?: string | undefined },
  which: Which,
  { layer, expert }: Omit<Placed, 'source'>,
): string | undefined {
  const name =
    typeof source === 'string' ? `${source}.${which}` : which === 'bias' ? source.bias : source.tensor
  return name
    ?.replace('{layer}', String(layer))
    .replace('{expert}', String(expert))
    .replace('{stream}', String((expert ?? 1) - 1))
}

/** The tensors that a placed role reads, whether the file has them or not. */
export function tensorsOfSource({ source, ...at }: Placed, which: Which): readonly string[] {
  if (typeof source === 'string' || 'tensor' in source) {
    const name = tensorName(source, which, at)
    return name === undefined ? [] : [name]
  }
  if ('concat' in source)
    return source.concat.flatMap(each => tensorsOfSource({ source: each, ...at }, which))
  return tensorsOfSource({ source: innerOf(source), ...at }, which)
}

type Derived = Exclude<Source, string | { tensor: string } | { concat: unknown }>

/** What a derived source is made of. */
export function innerOf(source: Derived): Source {
  if ('rows' in source) return source.rows
  if ('transposed' in source) return source.transposed
  if ('expert' in source) return source.expert
  if ('interleaved' in source) return source.interleaved
  return 'minusOne' in source ? source.minusOne : source.minusExp
}
