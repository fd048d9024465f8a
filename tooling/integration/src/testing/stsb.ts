import { readFileSync } from 'node:fs'
import { spearman } from '@tersor/eval'

/** Two sentences, and how alike people find them: 0 to 5. */
export interface StsPair {
  readonly left: string
  readonly right: string
  readonly score: number
}

/** The pairs of the STS benchmark (Cer et al., 2017, arXiv:1708.00055) in a file of comma-separated values. */
export function readStsPairs(path: string | URL): readonly StsPair[] {
  const rows = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return rows.map(row => {
    const [left, right, score] = fieldsOf(row) as [string, string, string]
    return { left, right, score: Number(score) }
  })
}

/** Fields of a row: quoted where they hold a comma or a quote, which is doubled then. */
function fieldsOf(row: string): readonly string[] {
  const fields = row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)
  return Array.from(fields, ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!)
}

/** The cosine of each pair, whose vectors are unit ones, left and right in turn. */
export function pairCosines(embeddings: Float32Array, width: number): Float64Array {
  return Float64Array.from({ length: embeddings.length / (2 * width) }, (_, pair) => {
    let dot = 0
    for (let i = 0; i < width; i++)
      dot += embeddings[2 * pair * width + i]! * embeddings[(2 * pair + 1) * width + i]!
    return dot
  })
}

/** Both sentences of each pair, one behind the other. */
export function sentencesOf(pairs: readonly StsPair[]): readonly string[] {
  return pairs.flatMap(({ left, right }) => [left, right])
}

/** How well cosines order pairs as people do. */
export function stsScore(pairs: readonly StsPair[], cosines: ArrayLike<number>): number {
  return spearman(
    cosines,
    pairs.map(({ score }) => score),
  )
}
