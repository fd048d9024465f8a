import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { meanOf, ndcg } from '@tersor/eval'

/** Abstracts, questions, and which abstracts answer which question (Cleverdon, 1967). */
export interface Cranfield {
  readonly documents: readonly string[]
  readonly queries: readonly string[]
  /** Of each query, the places of the documents that answer it. */
  readonly relevant: readonly ReadonlySet<number>[]
}

export function readCranfield(folder: string): Cranfield {
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  const queries = textsIn(read('cran.qry.xml'), 'title')
  const relevant = queries.map(() => new Set<number>())
  for (const line of read('cranqrel.trec.txt').split('\n').filter(Boolean)) {
    // The first number is the place of a query in its file, and not the number that it has there.
    const [query, , document, judgement] = line.split(/\s+/).map(Number) as [number, number, number, number]
    if (judgement > 0) relevant[query - 1]!.add(document - 1)
  }
  return { documents: textsIn(read('cran.all.1400.xml'), 'text'), queries, relevant }
}

function textsIn(xml: string, tag: string): readonly string[] {
  const found = xml.matchAll(new RegExp(`<${tag}>([^]*?)</${tag}>`, 'g'))
  return Array.from(found, ([, text]) => text!.replace(/\s+/g, ' ').trim())
}

/** Mean nDCG@10 of ranking all documents by the product of unit vectors with each query's. */
export function cranfieldScore(
  { relevant }: Cranfield,
  documents: Float32Array,
  queries: Float32Array,
  width: number,
): number {
  const scores = relevant.map((answers, query) => {
    const own = queries.subarray(query * width, (query + 1) * width)
    const products = productsWith(own, documents)
    const ranking = products.map((_, i) => i).sort((a, b) => products[b]! - products[a]! || a - b)
    return ndcg(ranking, new Map([...answers].map(document => [document, 1])), 10)
  })
  return meanOf(scores).mean
}

function productsWith(query: Float32Array, documents: Float32Array): number[] {
  const width = query.length
  return Array.from({ length: documents.length / width }, (_, document) =>
    query.reduce((sum, element, i) => sum + element * documents[document * width + i]!, 0),
  )
}
