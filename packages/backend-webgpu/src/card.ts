import { DeviceError, decodeNarrow, narrowFloats } from '@tersor/core-tensor'

/** What kernels may use of a graphics card, beyond what all cards have. */
export interface Card {
  /** Threads that add up without memory between them, side by side in their group. */
  readonly subgroups: boolean
  /** Half-precision numbers, which widen without losing a bit. */
  readonly float16: boolean
}

const THREADS = 128
/** Halves in words: subnormal, normal, the greatest, zeros of both signs, infinities. */
const HALVES = [0x8001_0001, 0x83ff_03ff, 0x0400_8400, 0x7bff_fbff, 0x8000_0000, 0xfc00_7c00, 0x3c01_b555]

/** GPUBufferUsage, GPUMapMode */
const MAP_READ = 0x1
const COPY_SRC = 0x4
const COPY_DST = 0x8
const STORAGE = 0x80
const READ = 0x1

/**
 * Which of the features of a device its card keeps to: WGSL leaves open how subgroups lie in a group,
 * and whether half precision has subnormal numbers.
 */
export async function probeCard(gpu: GPUDevice): Promise<Card> {
  const subgroups = gpu.features.has('subgroups')
  const float16 = gpu.features.has('shader-f16')
  if (!subgroups && !float16) return { subgroups, float16 }
  const seen = await runProbe(gpu, subgroups, float16)
  const lanes = seen.subarray(0, THREADS)
  const widened = new Float32Array(seen.buffer, 4 * THREADS, 2 * HALVES.length)
  return {
    subgroups: subgroups && lanes.every(found => found === 1),
    float16: float16 && widened.every((value, i) => Object.is(value, halfAt(i))),
  }
}

function halfAt(i: number): number {
  return decodeNarrow((HALVES[i >> 1]! >>> (16 * (i % 2))) & 0xffff, narrowFloats.float16)
}

/** What the probe writes; nothing but zeros where the card refuses it. */
async function runProbe(gpu: GPUDevice, subgroups: boolean, float16: boolean): Promise<Uint32Array> {
  gpu.pushErrorScope('validation')
  const pipeline = gpu.createComputePipeline({
    layout: 'auto',
    compute: { module: gpu.createShaderModule({ code: probe(subgroups, float16) }), entryPoint: 'main' },
  })
  const byteLength = 4 * (THREADS + 2 * HALVES.length)
  const [halves, seen, landing] = [
    gpu.createBuffer({ size: 4 * HALVES.length, usage: STORAGE | COPY_DST }),
    gpu.createBuffer({ size: byteLength, usage: STORAGE | COPY_SRC }),
    gpu.createBuffer({ size: byteLength, usage: MAP_READ | COPY_DST }),
  ] as const
  try {
    gpu.queue.writeBuffer(halves, 0, Uint32Array.from(HALVES))
    const encoder = gpu.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    const entries = [halves, seen].map((buffer, binding) => ({ binding, resource: { buffer } }))
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(1)
    pass.end()
    encoder.copyBufferToBuffer(seen, 0, landing, 0, byteLength)
    gpu.queue.submit([encoder.finish()])
    await gpu.popErrorScope()
    await landing.mapAsync(READ)
    return new Uint32Array(landing.getMappedRange().slice(0))
  } catch (error) {
    throw new DeviceError(
      `[webgpu] expected a device that lives, got one that is lost: ${(error as Error).message}; make a new one`,
    )
  } finally {
    for (const buffer of [halves, seen, landing]) buffer.destroy()
  }
}

function probe(subgroups: boolean, float16: boolean): string {
  return /* wgsl */ `
${subgroups ? 'enable subgroups;' : ''}
${float16 ? 'enable f16;' : ''}
@group(0) @binding(0) var<storage, read> halves: array<u32, ${HALVES.length}>;
@group(0) @binding(1) var<storage, read_write> seen: array<u32, ${THREADS + 2 * HALVES.length}>;
@compute @workgroup_size(${THREADS})
fn main(
  @builtin(local_invocation_index) thread: u32,
  ${subgroups ? '@builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32,' : ''}
) {
  if (thread == 0u) { seen[0] = halves[0]; }
  ${
    subgroups
      ? `let together = subgroupAdd(1u);
  seen[thread] = select(0u, 1u, lane == thread % lanes && together == min(lanes, ${THREADS}u));`
      : ''
  }
  ${
    float16
      ? `if (thread < ${HALVES.length}u) {
    let pair = vec2<f32>(bitcast<vec2<f16>>(halves[thread]));
    seen[${THREADS}u + 2u * thread] = bitcast<u32>(pair.x);
    seen[${THREADS}u + 2u * thread + 1u] = bitcast<u32>(pair.y);
  }`
      : ''
  }
}
`
}
