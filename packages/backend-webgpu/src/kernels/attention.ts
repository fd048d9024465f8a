import { type AttentionOptions, type CoreKernels, decode, type Tensor } from '@tersor/core-tensor'
import { requireAttentionDims } from '@tersor/core-tensor/host'
import { joinParts, partsOf } from '../attention-parts.ts'
import type { Card } from '../card.ts'
import { elementwise, retyped } from '../elementwise.ts'
import { output } from '../output.ts'
import { storedBoth } from '../stored-cache.ts'
import type { StoredWeight } from '../stored-weight.ts'
import { webGpuOf } from '../webgpu-device.ts'
import { fold, LOWEST, NOTHING } from '../wgsl/group.ts'
import { cast } from './cast.ts'
import { rope } from './rope.ts'

/** Threads of a group: keys that are scored at once. */
const KEYS = 64

/**
 * A group of threads for one query, or for four that share a key head: keys in blocks with a running
 * maximum (Dao et al., 2022, arXiv:2205.14135), read as they are stored.
 */
export const attention: CoreKernels['attention'] = (q, k, v, options) => {
  requireAttentionDims(q, k, v, options)
  const device = webGpuOf(q)
  return device.scope(() => {
    const [heads, queries] = q.dims as [number, number]
    const [kvHeads, capacity] = k.dims as [number, number]
    const keys = options.rope === undefined ? k : rope(decode(k, { device }), options.rope)
    const bias = biasOf(options, kvHeads, capacity)
    const needsLse = options.lse !== undefined || options.mass !== undefined
    const lse = needsLse ? lseTensor(options.lse, device.make('float32', [heads, queries])) : undefined
    const { scale: _, rope: __, ...placed } = options
    const others = 2 + (bias === undefined ? 0 : 1) + (lse === undefined ? 0 : 1)
    const attended = {
      q,
      ...storedBoth(keys, v, device.maxOperands - others),
      bias,
      kvHeads,
      capacity,
      options,
    }
    // The mass comes first: `out` may be the queries.
    if (options.mass !== undefined) {
      attend(attended, device.make('float32', q.dims), lse, false)
      addMass(attended, lse!, options.mass)
    }
    const result = output('attention', 'float32', q, q.dims, placed, (y, accumulate) =>
      attend(attended, y, lse, accumulate),
    )
    if (options.lse !== undefined && lse !== options.lse) cast(lse!, options.lse.type, { out: options.lse })
    return result
  })
}

interface Attended {
  readonly q: Tensor
  readonly k: StoredWeight
  readonly v: StoredWeight
  /** (kvHeads, capacity) as bits, so that −∞ can be told on every driver. */
  readonly bias: Tensor | undefined
  readonly kvHeads: number
  readonly capacity: number
  readonly options: AttentionOptions
}

/** So far no cache goes. */
const EVERYWHERE = 2 ** 30

function attend(
  { q, k, v, bias, kvHeads, capacity, options }: Attended,
  y: Tensor,
  lse: Tensor | undefined,
  accumulate: boolean,
): void {
  const [heads, queries, headDim] = q.dims as [number, number, number]
  const rows = (heads / kvHeads) * queries
  const lanes = rows === 1 ? 1 : 4
  const groups = kvHeads * Math.ceil(rows / lanes)
  const { length = capacity, window = EVERYWHERE } = options
  // The first key that the first query sees, which no other looks behind.
  const base = Math.max(0, Math.min(length, length - queries - window + 1))
  const { parts, span } = partsOf(length - base, groups)
  const alone = parts === 1
  const device = webGpuOf(q)
  const sums = alone ? y : device.make('float32', [parts, ...q.dims])
  const sumsLse = alone ? lse : device.make('float32', [parts, heads, queries])
  const adds = accumulate && alone
  // Code for so many elements a thread, whatever the width of a head: fewer pipelines to compile.
  const columns = Math.ceil(headDim / KEYS)
  const words = k.unit > 1 && headDim % k.unit === 0
  device.run({
    name: 'attention',
    variant: `${lanes},${columns},${words},${adds},${options.softcap !== undefined},${k.key};${v.key}`,
    inputs: { q, ...k.inputs, ...v.inputs, bias },
    outputs: { y: sums, lse: sumsLse && retyped(sumsLse, 'uint32', sumsLse.dims) },
    params: {
      ...{ ...k.params, ...v.params, ...sizes(options, { rows, queries, headDim, capacity }) },
      ...{ base, span, part_groups: groups, part_rows: heads * queries },
    },
    groups: parts * groups,
    code: card =>
      shader(card, {
        ...{ k, v, lanes, columns, words, accumulate: adds },
        ...{ bias: bias !== undefined, lse: sumsLse !== undefined, softcap: options.softcap !== undefined },
      }),
  })
  if (!alone) joinParts(sums, sumsLse!, { y, lse, accumulate })
}

interface Sizes {
  rows: number
  queries: number
  headDim: number
  capacity: number
}

function sizes(
  { scale, causal = false, length, window = EVERYWHERE, softcap = 1 }: AttentionOptions,
  { rows, queries, headDim, capacity }: Sizes,
) {
  return {
    rows,
    queries,
    head_dim: headDim,
    capacity,
    tokens: length ?? capacity,
    // How many keys behind and after its own a query sees.
    behind: Math.min(window, EVERYWHERE) - 1,
    after: causal ? 0 : Math.min(window, EVERYWHERE) - 1,
    scale: { f32: scale },
    softcap: { f32: softcap },
  }
}

/** The score of key `j` of a key head, and the keys that a query sees: from `seen_from` to before `seen_until`. */
function scoring({ bias, softcap }: { bias: boolean; softcap: boolean }): string {
  return /* wgsl */ `
fn seen_from(query: u32) -> u32 {
  return u32(clamp(i32(p.tokens) - i32(p.queries) + i32(query) - i32(p.behind), 0, i32(p.tokens)));
}
fn seen_until(query: u32) -> u32 {
  return u32(clamp(i32(p.tokens) - i32(p.queries) + i32(query) + i32(p.after) + 1, 0, i32(p.tokens)));
}
fn score_of(dot: f32) -> f32 {
  ${
    softcap
      ? `let share = dot * p.scale / p.softcap;
  let e = exp(-2.0 * abs(share));
  return sign(share) * p.softcap * (1.0 - e) / (1.0 + e);`
      : 'return dot * p.scale;'
  }
}
fn raised(dot: f32, head: u32, j: u32) -> f32 {
  ${
    bias
      ? `let held = bias(head * p.capacity + j);
  if (held == ${NOTHING}) { return ${LOWEST}; }
  return score_of(dot) + bitcast<f32>(held);`
      : 'return score_of(dot);'
  }
}
`
}

interface Layout {
  readonly k: StoredWeight
  readonly v: StoredWeight
  readonly lanes: number
  /** Elements of a head that a thread sums. */
  readonly columns: number
  /** Whether the codes of a key are read word by word. */
  readonly words: boolean
  readonly bias: boolean
  readonly softcap: boolean
  readonly lse: boolean
  readonly accumulate: boolean
}

function shader(card: Card, layout: Layout) {
  const { k, v, lanes, columns: count, words, lse, accumulate } = layout
  const type = lanes === 1 ? 'f32' : 'vec4<f32>'
  const each = (line: (lane: number, of: (name: string) => string) => string) =>
    Array.from({ length: lanes }, (_, lane) =>
      line(lane, name => (lanes === 1 ? name : `${name}[${lane}]`)),
    ).join('\n  ')
  const columns = Array.from({ length: count }, (_, i) => i)
  const globals = /* wgsl */ `
${k.globals()}${v.globals()}${scoring(layout)}
${fold(card, 'greatest', KEYS, 'max', type)}${fold(card, 'total', KEYS, 'add', type)}
var<workgroup> query: array<${type}, ${Math.max(1, count) * KEYS}>;
var<workgroup> weights: array<${type}, ${KEYS}>;
`
  const main = /* wgsl */ `
  let blocks = (p.rows + ${lanes - 1}u) / ${lanes}u;
  let part = group / p.part_groups;
  let head = (group % p.part_groups) / blocks;
  let first = (group % blocks) * ${lanes}u;
  // Rows past the last repeat it, and are not written.
  ${each(lane => `let row${lane} = min(first + ${lane}u, p.rows - 1u);`)}
  for (var d = thread; d < p.head_dim; d += ${KEYS}u) {
    query[d] = ${type}(${Array.from({ length: lanes }, (_, lane) => `f32(q((head * p.rows + row${lane}) * p.head_dim + d))`).join(', ')});
  }
  workgroupBarrier();
  ${each(lane => `let begin${lane} = seen_from(row${lane} % p.queries);`)}
  ${each(lane => `let end${lane} = seen_until(row${lane} % p.queries);`)}
  var begin = p.tokens;
  var end = 0u;
  ${each(lane => `begin = min(begin, begin${lane});`)}
  ${each(lane => `end = max(end, end${lane});`)}
  let part_begin = p.base + part * p.span;
  begin = max(begin, part_begin);
  end = min(end, part_begin + p.span);
  var most = ${type}(${LOWEST});
  var sum = ${type}(0.0);
  ${columns.map(i => `var sum${i} = ${type}(0.0);`).join('\n  ')}
  for (var start = begin; start < end; start += ${KEYS}u) {
    let j = start + thread;
    var score = ${type}(${LOWEST});
    if (j < end) {
      var dot = ${type}(0.0);
      ${words ? dotWithWords(k) : 'for (var d = 0u; d < p.head_dim; d++) { dot += query[d] * kweight(head, j, d); }'}
      ${each((lane, of) => `if (j >= begin${lane} && j < end${lane}) { ${of('score')} = raised(${of('dot')}, head, j); }`)}
    }
    let next = max(most, greatest(score, thread));
    let kept = exp(most - next);
    most = next;
    let weight = select(exp(score - next), ${type}(0.0), score <= ${type}(${LOWEST}));
    sum = sum * kept + weight;
    weights[thread] = weight;
    workgroupBarrier();
    let count = min(${KEYS}u, end - start);
    ${columns
      .map(
        i => `sum${i} *= kept;
    if (thread + ${i * KEYS}u < p.head_dim) {
      for (var c = 0u; c < count; c++) { sum${i} += weights[c] * vweight(head, start + c, thread + ${i * KEYS}u); }
    }`,
      )
      .join('\n    ')}
    workgroupBarrier();
  }
  let whole = total(sum, thread);
  let share = 1.0 / max(whole, ${type}(1e-37));
  ${each(
    (lane, of) => `if (first + ${lane}u < p.rows) {
    let row = part * p.part_rows + head * p.rows + row${lane};
    ${columns
      .map(
        i => `if (thread + ${i * KEYS}u < p.head_dim) {
      let at = row * p.head_dim + thread + ${i * KEYS}u;
      set_y(at, ${accumulate ? 'y(at) + ' : ''}${of(`sum${i}`)} * ${of('share')});
    }`,
      )
      .join('\n    ')}
    ${lse ? `if (thread == 0u) { set_lse(row, select(bitcast<u32>(${of('most')} + log(${of('whole')})), ${NOTHING}, ${of('whole')} == 0.0)); }` : ''}
  }`,
  )}`
  return { size: KEYS, globals, main }
}

/** Codes that share a word are read together. */
function dotWithWords({ unit }: StoredWeight): string {
  const products = Array.from({ length: unit }, (_, i) => `query[word * ${unit}u + ${i}u] * held[${i}]`)
  return `for (var word = 0u; word < p.head_dim / ${unit}u; word++) {
        let held = kweight_unit(head, j, word);
        dot += ${products.join(' + ')};
      }`
}

/** mass[h, j] += Σ over the queries of exp(score − lse): a thread a key of a head. */
function addMass({ q, k, bias, kvHeads, capacity, options }: Attended, lse: Tensor, mass: Tensor): void {
  const device = webGpuOf(q)
  const [heads, queries, headDim] = q.dims as [number, number, number]
  output('attention', 'float32', q, mass.dims, { out: mass, accumulate: true }, (y, accumulate) => {
    device.run({
      name: 'attentionMass',
      variant: `${accumulate},${options.softcap !== undefined},${k.key}`,
      inputs: { q, ...k.inputs, bias, lse: retyped(lse, 'uint32', lse.dims) },
      outputs: { y },
      params: {
        ...k.params,
        ...sizes(options, { rows: (heads / kvHeads) * queries, queries, headDim, capacity }),
        shared_by: heads / kvHeads,
        count: heads * capacity,
      },
      groups: Math.ceil((heads * capacity) / 64),
      code: () => ({
        globals: `${k.globals()}${scoring({ bias: bias !== undefined, softcap: options.softcap !== undefined })}`,
        main: /* wgsl */ `
  let i = group * 64u + thread;
  if (i >= p.count) { return; }
  let h = i / p.capacity;
  let j = i % p.capacity;
  let head = h / p.shared_by;
  var received = 0.0;
  for (var query = 0u; query < p.queries; query++) {
    let held = lse(h * p.queries + query);
    if (j < seen_from(query) || j >= seen_until(query) || held == ${NOTHING}) { continue; }
    var dot = 0.0;
    for (var d = 0u; d < p.head_dim; d++) {
      dot += f32(q((h * p.queries + query) * p.head_dim + d)) * kweight(head, j, d);
    }
    received += exp(raised(dot, head, j) - bitcast<f32>(held));
  }
  set_y(i, ${accumulate ? 'y(i) + received' : 'received'});`,
      }),
    })
  })
}

/** (kvHeads, capacity) what is added to the score of each key as bits: its log-weight, −∞ where a head may not look. */
function biasOf(
  { logWeight, keyIndex }: AttentionOptions,
  kvHeads: number,
  capacity: number,
): Tensor | undefined {
  const given = logWeight && (logWeight.type === 'float32' ? logWeight : cast(logWeight, 'float32'))
  const bits = given && retyped(given, 'uint32', given.dims)
  if (keyIndex === undefined) return bits
  const bias = webGpuOf(keyIndex).make('uint32', [kvHeads, capacity])
  elementwise(bias, {
    name: 'chosenKeys',
    inputs: { index: keyIndex, given: bits },
    params: { capacity, chosen: keyIndex.dims[1]! },
    scalar: 'u32',
    element: () => /* wgsl */ `
fn element(i: u32) -> u32 {
  for (var c = 0u; c < p.chosen; c++) {
    if (u32(index((i / p.capacity) * p.chosen + c)) == i % p.capacity) { return ${bits ? 'given(i)' : '0u'}; }
  }
  return ${NOTHING};
}
`,
  })
  return bias
}

/** Where the kernel writes the log-sum-exp: what was asked for, or a temporary. */
function lseTensor(wanted: Tensor | undefined, temporary: Tensor): Tensor {
  return wanted?.type === 'float32' ? wanted : temporary
}
