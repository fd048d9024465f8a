import { readFileSync } from 'node:fs'
import { Tensor, toFloat32 } from '@tersor/core-tensor'
import { Llama, llama2cTokenizer, weightShapes, blockWeightNames, generate } from './src/index.ts'
const b = readFileSync('../shared/data/lm-stories260k/stories260K.bin')
const h = new Int32Array(b.buffer, b.byteOffset, 7); const [dim,hid,L,H,KV,V,S]=h as any
const config={layers:L,heads:H,kvHeads:KV,headDim:dim/H,vocabSize:V,contextLength:S,ropeBase:10000,hiddenSize:dim,intermediateSize:hid,epsilon:1e-5,ropeLayout:'interleaved' as const,tied:true}
console.log(config)
const f=new Float32Array(b.buffer.slice(b.byteOffset+28,b.byteOffset+b.length)); let at=0
const w=new Map<string,Tensor>(); const take=(d:number[])=>{const n=d.reduce((a,b)=>a*b,1);const t=new Tensor('float32',f.subarray(at,at+n),d);at+=n;return t}
w.set('model.embed_tokens.weight',take([V,dim]))
const kd=KV*dim/H
for (const [k,d] of [['attentionNorm',[dim]],['query',[dim,dim]],['key',[kd,dim]],['value',[kd,dim]],['output',[dim,dim]],['feedForwardNorm',[dim]],['gate',[hid,dim]],['down',[dim,hid]],['up',[hid,dim]]] as const) for(let l=0;l<L;l++) w.set((blockWeightNames(l) as any)[k],take(d as any))
w.set('model.norm.weight',take([dim]))
const m=new Llama(config,w)
const tok=llama2cTokenizer(readFileSync('../shared/data/lm-stories260k/tok512.bin'))
const g=JSON.parse(readFileSync('../shared/data/golden/stories260k-logits.json','utf8'))
for(const c of g.cases){
 const ids=tok.encode(c.prompt); console.log([1,...ids].join()===c.promptTokens.join())
 const all=[1,...c.greedyTokens].slice(0,12)
 const {logits}=await m.forward(Int32Array.from(all),{cache:m.createCache(),logits:'all'})
 let e=0; c.logits.flat().forEach((v:number,i:number)=>{e=Math.max(e,Math.abs(v-(logits!.data as any)[i]))}); console.log('max logits err',e)
 const out:number[]=[...ids]; const t=performance.now(); for await(const t of generate(m,Int32Array.from(c.promptTokens),{maxTokens:c.greedyTokens.length-ids.length})) out.push(t)
 console.log('ms/token',(performance.now()-t)/out.length, out.join()===c.greedyTokens.join(), c.greedyTokens.length)
 console.log(tok.decode(out).slice(0,100), tok.decode(tok.encode('Hé 世界  x\n'))==='Hé 世界  x\n')
}
const win=Int32Array.from({length:512},(_,i)=>i===0?1:(i*7)%500+3)
for(let r=0;r<4;r++){const t=performance.now(); await m.forward(win,{cache:m.createCache(),logits:'all'}); const ms=performance.now()-t; console.log('prefill',ms.toFixed(0),'ms',(512/ms*1000).toFixed(0),'tok/s')}
